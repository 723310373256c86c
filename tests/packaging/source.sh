#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Unpacks of Debian's kernel source what the patches of a host touch, into a directory.
# Usage: source.sh TARBALL PROJECT DIRECTORY
set -euo pipefail
tarball=$1 project=$2 directory=$3
name=$(basename "$tarball" .tar.xz)
rm -rf "$directory"
mkdir -p "$directory"
cat "$project"/kernel/prereq/6.12/*.patch "$project"/kernel/series/v2/6.12/0*.patch |
    sed -n "s|^--- a/|$name/|p" | sort -u >"$directory.members"
echo "$name/Makefile" >>"$directory.members"
# A member that is missing is one that an earlier patch creates.
tar -C "$directory" --use-compress-program='xz -T0' --strip-components=1 -xf "$tarball" -T "$directory.members" 2>"$directory.log" ||
    ! grep -v -e 'Not found in archive' -e 'Exiting with failure' "$directory.log"
[ -s "$directory/Makefile" ] && [ -s "$directory/drivers/media/common/videobuf2/videobuf2-core.c" ]
