#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# docs/v4l2-m2m-drivers.md has exactly the mem2mem drivers of Linux 6.12. The controls: a driver that is missing, one
# that does not exist, and a function that does not, are found.
# Usage: m2m_drivers.sh PROJECT TARBALL
set -euo pipefail
project=$1 tarball=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
tool=$project/scripts/m2m-drivers
"$tool" "$tarball" --check "$project/docs/v4l2-m2m-drivers.md"

tree=$scratch/tree driver=drivers/media/platform/new/new.c document=$scratch/document
mkdir -p "$tree/$(dirname $driver)" "$tree/drivers/staging/media"
printf 'VERSION = 6\nPATCHLEVEL = 12\n' >"$tree/Makefile"
echo 'static void new_watchdog(void) { v4l2_m2m_init(&ops); }' >"$tree/$driver"
rows() { printf '| file of 6.12 | 7.3 | limit |\n|---|---|---|\n%s\n' "$1" >"$document"; }
expect() { # exit code, text
    local code=0
    "$tool" "$tree" --check "$document" >"$scratch/log" 2>&1 || code=$?
    [ $code = "$1" ] || { echo "exit code $code instead of $1"; cat "$scratch/log"; exit 1; }
    grep -q -- "$2" "$scratch/log" || { echo "'$2' is not said:"; cat "$scratch/log"; exit 1; }
}
rows "| \`$driver\` | same | \`new_watchdog()\` |"
expect 0 '6.12: 1 drivers, 1 functions'
[ "$("$tool" "$tree")" = $driver ]
rows "| \`$driver\` | same | \`old_watchdog()\` |"
expect 1 'there is no old_watchdog in 6.12'
rows "$(printf '| `%s` | same | none |\n| `%s` | same | none |' $driver drivers/media/gone.c)"
expect 1 'gone.c is in the tables and not in 6.12'
rows "$(printf '| `%s` | same | none |\n| `%s` | same | none |' $driver $driver)"
expect 1 'or twice'
rows "| \`drivers/media/other.c\` | same | none |"
expect 1 'new.c is in 6.12 and not in the tables'
rows ''
expect 2 'has no table for 6.12'
