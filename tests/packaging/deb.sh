#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The .deb packages of the programs that are built: what is in them, and that they run from where they are unpacked.
# With a mirror also in a fresh Debian, installed by apt.
# Usage: deb.sh BUILD-DIRECTORY [--chroot]
set -euo pipefail
build=$(realpath "$1")
chroot=${2:-}
scratch=$(mktemp -d)
cleanup() {
    [ ! -d "$scratch/debian/proc/self" ] || umount "$scratch/debian/proc"
    rm -rf --one-file-system "$scratch"
}
trap cleanup EXIT
. "$(dirname "${BASH_SOURCE[0]}")/../skip.sh"
if [ -n "$chroot" ]; then
    [ -n "${RELFENCE_NETWORK:-}" ] || skip 'fetches a Debian of some 300 MB; RELFENCE_NETWORK=1 in the environment allows it'
    [ "$(id -u)" = 0 ] || skip 'debootstrap needs root'
    command -v debootstrap >/dev/null || skip 'debootstrap is not installed (scripts/install-packages --test installs it)'
    # Whatever mirror this machine uses.
    # shellcheck disable=SC2016
    mirror=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' | sed -n 's/^bookworm //p' | head -n 1)
    [ -n "$mirror" ] || skip 'no source of bookworm in the configuration of apt'
    if command -v curl >/dev/null; then
        curl -sfIL -m 20 "${mirror%/}/dists/bookworm/InRelease" >/dev/null || skip 'the mirror that apt uses does not answer'
    fi
fi

cd "$build"
cpack -B "$scratch/packages" -D CPACK_OUTPUT_FILE_PREFIX="$scratch/packages" -D CPACK_DEBIAN_COMPRESSION_TYPE=gzip \
    >"$scratch/log" 2>&1 || { tail -n 20 "$scratch/log"; exit 1; }
debs=("$scratch"/packages/*.deb)
[ ${#debs[@]} = 4 ]
for package in relfence relfence-lab relfence-board; do
    deb=$(echo "$scratch"/packages/"$package"_[0-9]*.deb)
    [ "$(dpkg-deb -f "$deb" Package)" = $package ]
    dpkg-deb -f "$deb" Depends | grep -q 'libc6' || { echo "$package does not say which libraries it needs"; exit 1; }
    dpkg-deb -c "$deb" >"$scratch/list"
    grep -q " ./usr/bin/$package" "$scratch/list" || { echo "$package has no usr/bin/$package"; exit 1; }
    grep -q " ./usr/share/doc/$package/copyright" "$scratch/list"
    dpkg -x "$deb" "$scratch/root"
done
for program in relfence-lab relfence-init relfence-cases relfence-board; do
    find "$scratch/root/usr/lib" -path "*/relfence/bin/$program" | grep -q . || { echo "$program is in no package"; exit 1; }
done
dpkg -x "$(echo "$scratch"/packages/librelfence-dev_*.deb)" "$scratch/root"
[ -s "$scratch/root/usr/include/relfence/base/error.hpp" ]
find "$scratch/root/usr/lib" -name librelfence.a | grep -q .
grep -rlF "$build" "$scratch/root/usr/share" "$scratch/root/usr/include" && { echo "a file names the build directory"; exit 1; }
for page in relfence relfence-lab relfence-board; do [ -s "$scratch/root/usr/share/man/man1/$page.1" ]; done
dpkg-deb -f "$(echo "$scratch"/packages/relfence-lab_*.deb)" Depends | grep -q 'bubblewrap'
[ -z "$(find "$scratch/root" -xtype l)" ] || { echo "a link leads nowhere"; exit 1; }

# From here, which is not where they were built: the lab finds its project and its programs.
cd /
bin=$scratch/root/usr/bin
"$bin/relfence-board" --list | grep -q fresnel
"$bin/relfence-lab" --version
"$bin/relfence-lab" fleet list | grep -q ohm
"$bin/relfence-lab" fleet plan ohm --output "$scratch/ohm.patch" >/dev/null
[ -s "$scratch/ohm.patch" ]
"$bin/relfence-lab" build none 2>"$scratch/log" && exit 1
grep -q "none" "$scratch/log"
"$bin/relfence" --version
echo "packages: ${debs[*]##*/}"
[ -n "$chroot" ] || exit 0

debootstrap --variant=minbase bookworm "$scratch/debian" "$mirror" >"$scratch/log" 2>&1 || { tail -n 20 "$scratch/log"; exit 1; }
cp "${debs[@]}" "$scratch/debian/tmp"
mount -t proc proc "$scratch/debian/proc"
inside() { chroot "$scratch/debian" env DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"; }
inside apt-get update >>"$scratch/log" 2>&1
inside sh -c 'apt-get install -y --no-install-recommends /tmp/*.deb' >>"$scratch/log" 2>&1 || { tail -n 20 "$scratch/log"; exit 1; }
inside relfence --version
inside relfence-board --list | grep -q fresnel
inside relfence-lab fleet plan fresnel | grep -q '0006-media-rockchip-rga'
inside relfence-lab --version
# Without the kernel's source it says what to install.
code=0
inside relfence-lab build v2 >"$scratch/said" 2>&1 || code=$?
[ $code = 2 ] && grep -q 'apt install linux-source-6.12' "$scratch/said" || { echo "without a source: exit code $code"; cat "$scratch/said"; exit 1; }
inside apt-get purge -y relfence relfence-lab relfence-board librelfence-dev >>"$scratch/log" 2>&1
[ -z "$(find "$scratch/debian/usr" -path '*relfence*')" ] || { echo "removing the packages left something"; exit 1; }
echo 'installed, tried and removed in a fresh Debian 12'
