#!/usr/bin/env perl
# SPDX-License-Identifier: MIT
# From a plan (JSON on stdin) to debian/patches: a quilt series, and each patch with a DEP-3 header.
# Usage: export-debian.pl PROJECT DIRECTORY [EXTERNAL]
use strict;
use warnings;
use File::Copy;
use File::Path qw(make_path);
use JSON::PP;

my ($project, $directory, $external) = @ARGV;
my %month = do { my $n = 0; map { $_ => ++$n } qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec) };
my $plan = do { local $/; decode_json(<STDIN>) };
my $patches = "$directory/debian/patches";
my $folder = 'release-fence';
make_path("$patches/$folder");
open my $series, '>', "$patches/series" or die "export: $patches/series: $!\n";
print $series "# $plan->{host}: $plan->{baseline}{tree} $plan->{baseline}{ref}, fleet/$plan->{host}.yaml of relfence\n";
for my $patch (@{ $plan->{patches} }) {
    if ($patch->{external} && $patch->{sha256}) {
        # Somebody else's: as it is.
        copy("$external/$patch->{path}", "$patches/$folder/$patch->{name}") or die "export: $patch->{path}: $!\n";
        print $series "$folder/$patch->{name}\n";
        next;
    }
    if ($patch->{external}) {
        warn "export: without $patch->{name} of $patch->{scope}; --external DIR names their directory\n";
        print $series "# $patch->{scope}: $patch->{name}, not of relfence, goes here\n";
        next;
    }
    my $text = do { local $/; open my $file, '<', "$project/$patch->{path}" or die "export: $patch->{path}: $!\n"; <$file> };
    my ($head, $body) = $text =~ /\A(.*?\n)\n(.*)\z/s or die "export: $patch->{path}: no header\n";
    my ($from) = $head =~ /^From: (.*)$/m or die "export: $patch->{path}: no From\n";
    my ($day, $name, $year) = $head =~ /^Date: \w+, (\d+) (\w+) (\d+)/m or die "export: $patch->{path}: no Date\n";
    # What is above the diff is the description; DEP-3 has it after the subject, as mails do.
    my ($description, $diff) = $body =~ /\A(.*?)^(diff --git .*)\z/ms or die "export: $patch->{path}: no diff\n";
    $description =~ s/\s+\z//;
    open my $out, '>', "$patches/$folder/$patch->{name}" or die "export: $patch->{name}: $!\n";
    printf $out "From: %s\nSubject: %s\nOrigin: other, relfence, %s\nForwarded: no\nLast-Update: %04d-%02d-%02d\n\n%s\n---\n%s",
        $from, $patch->{subject}, $patch->{path}, $year, $month{$name}, $day, $description, $diff;
    close $out or die "export: $patch->{name}: $!\n";
    print $series "$folder/$patch->{name}\n";
}
close $series or die "export: $patches/series: $!\n";
