#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The control of kernel/regenerate --check: a patch that git would not export, and one that does not apply,
# must both be found and named, and nothing may be changed.
# Usage: regenerate_control.sh KERNEL-DIRECTORY TARBALL
set -euo pipefail
kernel=$1 tarball=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
copy=$scratch/kernel
expect() { # exit code, text of stderr
    local code=0
    cp -r "$copy" "$scratch/before"
    "$copy/regenerate" --check --source "$tarball" >"$scratch/out" 2>"$scratch/err" || code=$?
    [ $code = "$1" ] || { echo "exit code $code instead of $1"; cat "$scratch/err"; exit 1; }
    grep -q "$2" "$scratch/err" || { echo "'$2' is not said:"; cat "$scratch/err"; exit 1; }
    diff -r "$scratch/before" "$copy"
    rm -rf "$scratch/before"
}
fresh() {
    rm -rf "$copy"
    cp -r "$kernel" "$copy"
}

fresh # a line number that git would write otherwise
sed -i '0,/^@@ -\([0-9]*\),/s//@@ -1\1,/' "$copy"/series/v2/*/0005-*.patch
expect 1 'series/v2/.*is not what git exports'
fresh # context that is not in the source
sed -i '0,/^ static/s//  static/' "$copy"/series/v2/*/0006-*.patch
expect 1 '0006-.*does not apply'
fresh
code=0
"$copy/regenerate" --check --source "$scratch/none.tar.xz" 2>"$scratch/err" || code=$?
[ $code = 2 ] && grep -q 'none.tar.xz' "$scratch/err"
