#!/usr/bin/env perl
# SPDX-License-Identifier: MIT
# Copies the patches of a plan (JSON on stdin) under the names that they have in a package.
# Usage: export-arch.pl PROJECT DIRECTORY
use strict;
use warnings;
use File::Copy;
use JSON::PP;

my ($project, $directory) = @ARGV;
local $/;
for my $patch (grep { !$_->{external} } @{ decode_json(<STDIN>)->{patches} }) {
    copy("$project/$patch->{path}", "$directory/$patch->{name}") or die "export: $patch->{path}: $!\n";
}
