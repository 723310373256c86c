#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The locks of the eligible hosts are current, and their patches apply to Debian's source. Then the controls: a patch
# that changed is named, one that does not apply is too.
# Usage: verify.sh RELFENCE-LAB-FLEET PROJECT
set -euo pipefail
fleet=$(realpath "$1") project=$(realpath "$2")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for host in fresnel ohm; do
    "$fleet" --project "$project" verify "$host" ||
        { echo "if the patches are right, packaging/update writes locks and packages anew"; exit 1; }
done
cp -r "$project/fleet" "$project/kernel" "$scratch"
# A host that takes rkvdec as well.
sed -i '/^  - scope: subsystem/{n;s|.*|&\n  - scope: driver/rkvdec|}; s|^  - subsystem.*|&\n  - driver/rkvdec|' "$scratch/fleet/fresnel.yaml"
"$fleet" --project "$scratch" plan fresnel --lock "$scratch/fleet/fresnel.lock.json" >/dev/null
grep -q '0010-media-rkvdec' "$scratch/fleet/fresnel.lock.json"
"$fleet" --project "$scratch" verify fresnel
expect() { # text
    local code=0
    "$fleet" --project "$scratch" verify ohm >"$scratch/out" 2>&1 || code=$?
    [ $code = 1 ] || { echo "exit code $code instead of 1"; cat "$scratch/out"; exit 1; }
    grep -q -- "$1" "$scratch/out" || { echo "'$1' is not said:"; cat "$scratch/out"; exit 1; }
}
patch=$(echo "$scratch"/kernel/series/v2/6.12/0005-*.patch)
sed -i '1s/0000/1111/' "$patch"
expect '^lock  *FAIL  *0005-.*: changed'
expect '^applies  *ok'
sed -i '0,/^ static/s//  static/' "$scratch"/kernel/series/v2/6.12/0006-*.patch
expect '^applies  *FAIL .*0006-.*: does not apply: drivers/media/platform/rockchip/rga/.*, hunk '
rm "$scratch/fleet/ohm.lock.json"
code=0
"$fleet" --project "$scratch" verify ohm >"$scratch/out" 2>&1 || code=$?
[ $code = 2 ] && grep -q 'plan ohm --lock' "$scratch/out"
