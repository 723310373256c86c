#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The quilt series: each header as DEP-3 wants it, quilt applies and removes all of it, and gives what git gives. Then
# the controls.
# Usage: debian.sh RELFENCE-LAB-FLEET PROJECT SOURCE
set -euo pipefail
fleet=$(realpath "$1") project=$(realpath "$2") source=$(realpath "$3")
command -v quilt >/dev/null || { echo "quilt is not installed (scripts/install-packages --test installs it)"; exit 77; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$project/packaging/export" debian ohm "$scratch/ohm" --fleet "$fleet"
cd "$scratch/ohm/debian/patches"
! grep -q '^#.*goes here' series || exit 1

check_headers() {
    local patch
    grep -v '^#' series | while read -r patch; do
        perl -e '
            my $patch = shift; local $/; open my $f, "<", $patch or die "$patch: $!\n"; $_ = <$f>;
            my ($head, $rest) = /\A(.*?\n)\n(.*)/s or die "$patch: no header\n";
            my %field; my $last;
            for (split /\n/, $head) {
                if (/^ \S/ && $last) { next }
                /^([A-Z][A-Za-z-]*): \S/ or die "$patch: not a field: $_\n";
                die "$patch: $1 twice\n" if $field{$last = $1}++;
            }
            for (qw(Subject From Origin Forwarded Last-Update)) { $field{$_} or die "$patch: no $_\n" }
            $head =~ /^Last-Update: \d{4}-\d\d-\d\d$/m or die "$patch: Last-Update\n";
            $head =~ /^Origin: (upstream|backport|vendor|other), \S/m or die "$patch: Origin\n";
            $head =~ /^Forwarded: (no|not-needed|https?:\S+)$/m or die "$patch: Forwarded\n";
            $rest =~ /\A\S.*?^---$/ms or die "$patch: no description\n";
        ' "$patch" || return 1
    done
}
check_headers
count=$(grep -vc '^#' series)
cp -r "$source" "$scratch/linux"
cd "$scratch/linux"
export QUILT_PATCHES=$scratch/ohm/debian/patches QUILT_PATCH_OPTS=--fuzz=0 QUILTRC=/dev/null
quilt push -a >"$scratch/log" 2>&1 || { tail -n 20 "$scratch/log"; exit 1; }
[ "$(quilt applied | wc -l)" = "$count" ]
"$fleet" --project "$project" plan ohm --output "$scratch/all.patch" >/dev/null
mkdir "$scratch/expected"
cp -r "$source/." "$scratch/expected"
(cd "$scratch/expected" && GIT_CEILING_DIRECTORIES=$scratch git apply --whitespace=nowarn "$scratch/all.patch")
diff -r -x .pc "$scratch/expected" .
quilt pop -a >/dev/null
diff -r -x .pc "$source" .
echo "quilt: $count patches applied and removed"

sed -i 's/^Origin: /origin /' "$QUILT_PATCHES"/release-fence/0005-*.patch
! (cd "$QUILT_PATCHES" && check_headers) 2>"$scratch/log" || { echo "a bad header was taken"; exit 1; }
grep -q 'not a field' "$scratch/log"
sed -i '/prereq-0008/d' "$QUILT_PATCHES/series"
! quilt push -a >"$scratch/log" 2>&1 || { echo "a series with a hole was taken"; exit 1; }

# Patches of the board come first; and nothing is left behind when there is something wrong.
mkdir "$scratch/board"
for number in 0001 0002 0003; do echo "of the board" >"$scratch/board/$number-dts.patch"; done
"$project/packaging/export" debian fresnel "$scratch/fresnel" --fleet "$fleet" --external "$scratch/board"
[ "$(grep -v '^#' "$scratch/fresnel/debian/patches/series" | sed -n 3p)" = release-fence/0003-dts.patch ]
rm "$scratch/board/0002-dts.patch"
code=0
"$project/packaging/export" debian fresnel "$scratch/none" --fleet "$fleet" --external "$scratch/board" 2>"$scratch/log" || code=$?
[ $code = 2 ] && [ ! -e "$scratch/none" ] && [ -z "$(find "$scratch" -name '.export-*')" ]
