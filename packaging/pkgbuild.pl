#!/usr/bin/env perl
# SPDX-License-Identifier: MIT
# From a plan of `relfence-lab fleet plan HOST --json` on stdin to a fragment of a PKGBUILD on stdout.
use strict;
use warnings;
use JSON::PP;

local $/;
my $plan = decode_json(<STDIN>);
my @ours = grep { !$_->{external} } @{ $plan->{patches} };
my @board = map { substr($_->{name}, 0, 4) } grep { $_->{external} } @{ $plan->{patches} };
die "external patches after those of the project cannot be in one fragment\n"
    if grep { $_->{external} && $_->{position} > $ours[0]{position} } @{ $plan->{patches} };

my $host = $plan->{host};
my $board = @board ? "\n# The patches of the board (@board) come before, in the PKGBUILD's own prepare()." : '';
print <<"HEAD";
# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# For the PKGBUILD of $plan->{package}{name}, on $plan->{baseline}{tree} $plan->{baseline}{ref}: release fences for V4L2
# mem2mem drivers, as fleet/$host.yaml has it. Written by packaging/update. `packaging/export arch $host DIR`
# puts this file and the patches into DIR, beside the PKGBUILD, which takes them with
#   source "\$startdir/$host.pkgbuild"      after source=() and sha256sums=()
#   _release_fence_prepare                 in prepare(), in the kernel's directory$board
_release_fence=(
HEAD
print "  $_->{name}\n" for @ours;
print ")\nsource+=(\"\${_release_fence[\@]}\")\nsha256sums+=(\n";
print "  $_->{sha256}\n" for @ours;
print <<'TAIL';
)

# In order, each without fuzz: a series is applied as it was reviewed, or not at all.
_release_fence_prepare() {
  local patch
  for patch in "${_release_fence[@]}"; do
    echo "Applying $patch..."
    patch -Np1 --fuzz=0 --no-backup-if-mismatch -i "$srcdir/$patch" || return 1
  done
TAIL
if ($plan->{config}{strategy} eq 'merge') {
    my %flag = (y => '--enable', m => '--module', n => '--disable');
    print "  # Onto a .config that is there.\n  [[ ! -e .config ]] || scripts/config";
    printf " \\\n    %s %s", $flag{ $plan->{config}{set}{$_} }, substr($_, 7)
        for sort keys %{ $plan->{config}{set} };
    print "\n";
}
print "}\n";
