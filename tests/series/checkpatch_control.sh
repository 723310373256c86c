#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The control of checkpatch.sh: a patch with bad style must be found.
# Usage: checkpatch_control.sh KERNEL-DIRECTORY TARBALL
set -euo pipefail
kernel=$1 tarball=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp -r "$kernel/lab" "$scratch/kernel"
patch=$(find "$scratch/kernel" -path '*/6.12/common/0001-*.patch')
sed -i 's/^+\(.*\)kvmalloc(/+\1kvmalloc (/' "$patch"
if "$here/checkpatch.sh" "$scratch/kernel" "$tarball" >"$scratch/log" 2>&1; then
    echo "a space before a parenthesis was not found" >&2
    exit 1
fi
grep -q 'SPACING' "$scratch/log"
