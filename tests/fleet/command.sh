#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The command line: exit codes, what is written, and that nothing is written when something is wrong.
# Usage: command.sh RELFENCE-LAB-FLEET RELFENCE-LAB PROJECT
set -euo pipefail
fleet=$(realpath "$1") lab=$(realpath "$2") project=$(realpath "$3")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp -r "$project/fleet" "$project/kernel" "$scratch"
cd "$scratch"
expect() { # exit code, text of stdout and stderr, arguments...
    local code=0
    "$fleet" --project "$scratch" "${@:3}" >out 2>&1 || code=$?
    [ $code = "$1" ] || { echo "${*:3}: exit code $code instead of $1"; cat out; exit 1; }
    grep -q -- "$2" out || { echo "${*:3}: '$2' is not said:"; cat out; exit 1; }
}
expect 0 'fresnel .*RK3399 .*Mali-T860 .*eligible, carried' list
expect 0 'ohm .*RK3566 .*Mali-G52 .*eligible' list
expect 0 'boltzmann .*deferred' list
expect 0 '"gpu": "Mali-T860"' list --json

# As the packages have them: board, groundwork, series.
"$fleet" --project "$scratch" plan fresnel --json |
    perl -MJSON::PP -e 'local $/; my $p = decode_json(<>)->{patches}; print "$_->{name}\n" for @$p' >names
{
    printf '%s\n' '0001-*.patch' '0002-*.patch' '0003-*.patch'
    (cd kernel/prereq/6.12 && ls -- *.patch) | sed 's/^/prereq-/'
    (cd kernel/series/v2/6.12 && ls -- *.patch) | grep -v '^0000-'
} | diff - names

expect 2 'deferred: .* what would re-open it: .*--allow-deferred' plan boltzmann
expect 0 '0006-' plan boltzmann --allow-deferred
expect 2 'deferred' verify ampere
expect 2 'no name of a host' plan ../fleet/ohm
expect 2 'No such file.*relfence-lab fleet list' plan nobody

# A scope that needs another one, for the host that has its hardware.
cp fleet/fresnel.yaml whole.yaml
sed -i '/^  - scope: subsystem/{n;s|.*|&\n  - scope: driver/rkvdec|}; s|^  - subsystem.*|&\n  - driver/rkvdec|' fleet/fresnel.yaml
# Groundwork 0007 to 0009 and the opt-in come last.
expect 0 "  $(($(wc -l <names) + 4))  .*0010-media-rkvdec" plan fresnel
sed -i '/^  - subsystem/d; /^  - scope: subsystem/{N;d}' fleet/fresnel.yaml
expect 2 'driver/rkvdec needs subsystem/media/videobuf2 before it' plan fresnel
mv whole.yaml fleet/fresnel.yaml

# A whole file, or none and what was there before.
cat kernel/prereq/6.12/0*.patch kernel/series/v2/6.12/000[4-9]*.patch >expected
expect 0 '' plan ohm --output all.patch --lock lock.json --config config
cmp all.patch expected
grep -q '^CONFIG_VIDEO_HANTRO=m$' config
expect 2 'none/all.patch' plan ohm --output none/all.patch
[ ! -e none ]
sed -i 's/^  - scope: subsystem.*/&\n    patches: ["0005", "0006"]/' fleet/ohm.yaml
expect 2 'fleet/ohm.yaml:[0-9]*: patches: 0005, 0006 without 0004; the series is one unit' plan ohm --output all.patch
expect 2 '0005, 0006 without 0004' verify ohm
cmp all.patch expected
# One broken manifest does not hide the others.
echo '{' >fleet/ampere.yaml
expect 2 'fleet/ampere.yaml:' list
expect 2 'boltzmann' list
[ -z "$(find . -name '*.new')" ]

# By the name it is known by, and without the program.
"$lab" fleet --project "$project" list >out
grep -q fresnel out
mkdir alone
cp "$lab" alone
code=0
alone/relfence-lab fleet list >out 2>&1 || code=$?
[ $code = 2 ] && grep -q 'libyaml-cpp-dev' out
