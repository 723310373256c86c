#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# checkpatch --strict over every patch for the version of the tarball: nothing but what tests/series/checkpatch.allowed lists.
# Usage: checkpatch.sh KERNEL-DIRECTORY TARBALL
set -euo pipefail
kernel=$(realpath "$1") tarball=$(realpath "$2")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
name=$(basename "$tarball" .tar.xz)
tar -C "$scratch" --strip-components=1 -xf "$tarball" "$name/scripts/checkpatch.pl" \
    "$name/scripts/spelling.txt" "$name/scripts/const_structs.checkpatch"

cd "$scratch" # in a git tree checkpatch takes a patch that is tracked for a source file
found=$scratch/found
mapfile -t patches < <(find "$kernel" -path "*/${name#linux-source-}/*" -name '*.patch' ! -name '0000-*' | sort)
for patch in "${patches[@]}"; do
    # --no-tree: what needs a whole tree is seen when the kernels are built.
    perl "$scratch/scripts/checkpatch.pl" --no-tree --strict --show-types --terse --color=never "$patch" || true
done >"$found"
checked=$(grep -c 'total: .* lines checked' "$found" || true)
sed -n 's/^.*: \(ERROR\|WARNING\|CHECK\):\([A-Z0-9_]*\):.*/\2/p' "$found" | sort | uniq -c | sort -rn
echo "$checked patches checked"
# A checkpatch that died in the middle says nothing about the rest.
[ "$checked" -gt 0 ] && [ "$checked" -eq ${#patches[@]} ] || { echo "of ${#patches[@]} patches" >&2; exit 1; }
allowed=$(sed -n 's/^\([A-Z_]\+\).*/\1/p' "$here/checkpatch.allowed" | paste -sd '|')
if grep -E ': (ERROR|WARNING|CHECK):' "$found" | grep -Ev ":($allowed):"; then
    echo "checkpatch finds what is not in tests/series/checkpatch.allowed" >&2
    exit 1
fi
