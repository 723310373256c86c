#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Applies the series patch by patch and builds what it touches after each: hantro, rockchip-rga, videobuf2 and
# mem2mem with the fragments of the board, with W=1. What is compiled after a patch must have no warning.
# Usage: each_patch_builds.sh KERNEL-DIRECTORY TARBALL DIRECTORY...
set -euo pipefail
kernel=$1 tarball=$2
shift 2
for directory in "$@"; do
    [ -d "$kernel/$directory" ] || { echo "each_patch_builds: no directory $kernel/$directory" >&2; exit 1; }
done
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
tree=$scratch/linux
mkdir "$tree"
tar -C "$tree" --strip-components=1 -xf "$tarball"
cd "$tree"
make_() { make ARCH=um O=build -j"$(nproc)" "$@" >"$scratch/log" 2>&1 || { tail -n 30 "$scratch/log" >&2; return 1; }; }
make_ allnoconfig
configs=$kernel/configs
KCONFIG_CONFIG=build/.config scripts/kconfig/merge_config.sh -m -O build build/.config \
    "$configs/uml.config" "$configs/board.config" >"$scratch/log" 2>&1
make_ olddefconfig
touched=(drivers/media/common/videobuf2/ drivers/media/v4l2-core/v4l2-mem2mem.o
    drivers/media/platform/verisilicon/ drivers/media/platform/rockchip/rga/)
make_ prepare
make_ W=1 "${touched[@]}"
count=0
patches=()
for directory in "$@"; do
    mapfile -t -O ${#patches[@]} patches < <(find "$kernel/$directory" -name '[0-9]*.patch' ! -name '0000-*' | sort)
done
for patch in "${patches[@]}"; do
    git apply --whitespace=nowarn "$patch"
    if ! make_ W=1 "${touched[@]}" || grep 'warning:' "$scratch/log"; then
        echo "$patch does not build without a warning" >&2
        exit 1
    fi
    count=$((count + 1))
    echo "builds: $(basename "$patch")"
done
[ $count -gt 0 ]
[ -s build/drivers/media/platform/verisilicon/hantro_drv.o ]
[ -s build/drivers/media/platform/rockchip/rga/rga.o ]
