#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The .deb packages for arm64, out of what scripts/build-arm64 has built: what is in them, that they depend on what
# their programs need and on nothing else, and that the programs run, in an emulated processor.
# With RELFENCE_NETWORK=1 in the environment also that apt finds all of it in Debian 12 for arm64, and on its libraries.
# Usage: deb_arm64.sh BUILD-DIRECTORY
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../skip.sh"
need aarch64-linux-gnu-readelf gcc-aarch64-linux-gnu
need qemu-aarch64-static qemu-user-static
{ [ -x "$1/bin/relfence" ] && [ -e "$1/librelfence.a" ]; } ||
    skip "there is no relfence for arm64 in $1; scripts/build-arm64 $1 --target packages makes it"
build=$(realpath "$1")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
fail() {
    echo "$*"
    exit 1
}

cd "$build"
cpack -B "$scratch/packages" -D CPACK_OUTPUT_FILE_PREFIX="$scratch/packages" -D CPACK_DEBIAN_COMPRESSION_TYPE=gzip \
    >"$scratch/log" 2>&1 || { tail -n 20 "$scratch/log"; exit 1; }
debs=("$scratch"/packages/*.deb)
[ ${#debs[@]} = 2 ] || fail "not two packages: ${debs[*]##*/}"
for package in relfence librelfence-dev; do
    deb=$(echo "$scratch/packages/$package"_[0-9]*_arm64.deb)
    [ "$(dpkg-deb -f "$deb" Package)" = $package ] || fail "${deb##*/} is not $package"
    [ "$(dpkg-deb -f "$deb" Architecture)" = arm64 ] || fail "${deb##*/} is for $(dpkg-deb -f "$deb" Architecture)"
    dpkg-deb -x "$deb" "$scratch/root"
done
root=$scratch/root
[ -x "$root/usr/bin/relfence" ] && [ -e "$root/usr/lib/relfence/librelfence-observe.so" ] && [ -e "$root/usr/lib/librelfence.a" ]
! grep -rlF "$build" "$root" || fail 'a file names the build directory'

# For the right processor, and without a path of this machine to libraries.
check_elf() { # program or library
    local said
    said=$(aarch64-linux-gnu-readelf -hd "$1")
    [[ $said =~ Machine:\ +AArch64 ]] || { echo "${1##*/} is not for arm64"; return 1; }
    [[ ! $said =~ (RPATH|RUNPATH) ]] || { echo "${1##*/} has a path to libraries"; return 1; }
}
programs=("$root/usr/bin/relfence" "$root/usr/lib/relfence/librelfence-observe.so")
for program in "${programs[@]}"; do check_elf "$program"; done
! check_elf "$(command -v dpkg-deb)" >"$scratch/log" || fail 'a program of this machine was taken for one of arm64'
! check_elf "$build/bin/relfence" >"$scratch/log" || fail 'the path to the sysroot was not seen'

# Each library comes from a package that Debian names after it and its version; libm is of libc6.
check_depends() { # what the package depends on
    local wanted named
    wanted=$(for program in "${programs[@]}"; do aarch64-linux-gnu-readelf -d "$program"; done |
        sed -n 's/.*(NEEDED).*\[\(.*\)\.so\.\(.*\)\]/\1 \2/p' | sed 's/^libm /libc /; s/_/-/g' |
        sed -E 's/^(.*[0-9]) /\1-/; s/ //; s/^libgcc-s1$/libgcc-s1/' | sort -u)
    named=$(tr , '\n' <<<"$1" | sed 's/^ *//; s/ .*//' | sort -u)
    diff <(echo "$wanted") <(echo "$named")
}
depends=$(dpkg-deb -f "$scratch"/packages/relfence_*.deb Depends)
check_depends "$depends" || fail "< is needed, > is what it depends on: $depends"
! check_depends "${depends/libfmt9, /}" >/dev/null || fail 'a missing dependency was not seen'
! check_depends "$depends, libpng16-16" >/dev/null || fail 'a needless dependency was not seen'
has=$(sed -n 's/.*libc6 (>= \([0-9.]*\)).*/\1/p' <<<"$depends")
uses=$(for program in "${programs[@]}"; do aarch64-linux-gnu-readelf -V "$program"; done |
    grep -o 'GLIBC_[0-9.]*' | sed 's/GLIBC_//' | sort -V | tail -n 1)
dpkg --compare-versions "$has" ge "$uses" || fail "takes libc6 $has, and needs $uses"

# Runs what was unpacked, on libraries below $1, which may be in the directory $2.
try() {
    local run=(qemu-aarch64-static -L "$1" -E "LD_LIBRARY_PATH=$2" "$root/usr/bin/relfence") code=0 command
    [ "$("${run[@]}" --version)-1" = "relfence $(dpkg-deb -f "$scratch"/packages/relfence_*.deb Version)" ]
    "${run[@]}" --help | grep -q 'what happens to each dma-buf'
    for command in list check bench trace doctor; do "${run[@]}" $command --help | grep -q '^Examples:'; done
    "${run[@]}" list >"$scratch/list" 2>&1 || code=$?
    # There may be devices here; the emulator knows nothing of their ioctls.
    [ $code = 0 ] || [ $code = 77 ] || fail "list: exit code $code: $(cat "$scratch/list")"
    "${run[@]}" doctor --passive >"$scratch/doctor"
    grep -q '^Kernel .* aarch64$' "$scratch/doctor" || fail "doctor: $(cat "$scratch/doctor")"
    "${run[@]}" doctor --passive --json | python3 -c 'import json, sys; json.load(sys.stdin)'
    code=0
    "${run[@]}" check --device /dev/none >"$scratch/log" 2>&1 || code=$?
    { [ $code = 2 ] && grep -q /dev/none "$scratch/log"; } || fail "check: exit code $code: $(cat "$scratch/log")"
}
try /usr/aarch64-linux-gnu "$build/sysroot/usr/lib/aarch64-linux-gnu"
echo "packages: ${debs[*]##*/}"
[ -n "${RELFENCE_NETWORK:-}" ] || exit 0

# A Debian of nothing but these two packages, as apt on a board would make it.
state=$scratch/apt
mkdir -p "$state"/{lists,cache/archives}/partial "$state/deb"
touch "$state/status"
apt=(apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o "Dir::State=$state"
    -o "Dir::State::Lists=$state/lists" -o "Dir::State::status=$state/status" -o "Dir::Cache=$state/cache"
    -o APT::Sandbox::User= -o Acquire::Languages=none)
"${apt[@]}" update >"$scratch/log" 2>&1 || true
"${apt[@]}" -s --no-install-recommends install "${debs[@]}" >"$state/plan" 2>"$scratch/log" || fail "$(cat "$scratch/log")"
mapfile -t libraries < <(sed -n 's/^Inst \([^ ]*\) .*/\1/p' "$state/plan" | grep -vx -e relfence -e librelfence-dev)
(cd "$state/deb" && "${apt[@]}" download "${libraries[@]/%/:arm64}")
for deb in "$state"/deb/*.deb; do dpkg-deb -x "$deb" "$state/root"; done
[ -e "$state/root/lib/ld-linux-aarch64.so.1" ] || fail 'libc6 is not there'
try "$state/root" ''
echo "apt installs them with ${#libraries[@]} others of Debian 12"
