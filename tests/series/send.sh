#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# kernel/send: its mails are ones that git am and git send-email take, and it refuses what must not be sent.
# Usage: send.sh KERNEL-DIRECTORY TARBALL
set -euo pipefail
kernel=$(realpath "$1") tarball=$(realpath "$2")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
mkdir "$scratch/project"
cp -r "$kernel" "$scratch/project/kernel"
cp "$kernel/../README.md" "$scratch/project"
send=$scratch/project/kernel/send cover=$(echo "$scratch"/project/kernel/series/v2/6.12/0000-*.patch)
# The figures of the letter may be behind those of README.md while nobody sends it.
"$scratch/project/kernel/update-cover"
"$scratch/project/kernel/update-cover" --check
me='A Name <name@somewhere.net>'

expect() { # text of stderr, arguments...
    local code=0
    "$send" --source "$tarball" --out "$scratch/none" "${@:2}" >"$scratch/log" 2>&1 || code=$?
    [ $code = 2 ] || { echo "${*:2}: exit code $code instead of 2"; cat "$scratch/log"; exit 1; }
    grep -q -- "$1" "$scratch/log" || { echo "'$1' is not said:"; cat "$scratch/log"; exit 1; }
    [ ! -e "$scratch/none" ]
}
expect 'no --from'
expect "is not 'NAME <MAIL>'" --from nobody
expect 'cannot be answered to' --from 'relfence developers <relfence@localhost>'
expect '--author names who takes authorship' --from "$me"
expect 'Message-Id .* is not set' --from "$me" --author "$me" --in-reply-to UNSET@v1
sed -i.bak 's/^In-Reply-To: .*/In-Reply-To: <UNSET>/' "$cover"
expect 'Message-Id .* is not set' --from "$me" --author "$me"
sed 's/^Motivation$/TODO/' "$cover.bak" >"$cover"
expect "still has 'TODO'" --from "$me" --author "$me"
mv "$cover.bak" "$cover"
sed -i 's/^decoder-to-rga\/hantro-vpu  \(.*\)0 of 20/decoder-to-rga\/hantro-vpu  \19 of 20/' "$scratch/project/README.md"
expect 'other figures than README.md' --from "$me" --author "$me"
"$scratch/project/kernel/update-cover"
grep -q 'v2 .* 9 of 20 frames differ' "$cover"
cp "$kernel/../README.md" "$scratch/project"
"$scratch/project/kernel/update-cover"

# Without --signoff nobody signs.
"$send" --from "$me" --author "$me" --source "$tarball" --out "$scratch/unsigned" >"$scratch/log"
grep -q 'no Signed-off-by' "$scratch/log"
! grep -rqi '^signed-off-by' "$scratch/unsigned" || exit 1
# The same with a tree.
tree=$scratch/tree name=$(basename "$tarball" .tar.xz)
mkdir -p "$tree"/{Documentation,arch,include,drivers,fs,init,ipc,kernel,lib,scripts}
{
    printf "$name/%s\n" COPYING CREDITS Kbuild MAINTAINERS Makefile README scripts/get_maintainer.pl
    cat "$kernel"/prereq/6.12/*.patch "$kernel"/series/v2/6.12/0*.patch | sed -n "s|^--- a/|$name/|p" | sort -u
} >"$scratch/members"
tar -C "$tree" --use-compress-program='xz -T0' --strip-components=1 -xf "$tarball" -T "$scratch/members" 2>/dev/null || true # new files
out=$scratch/out
"$send" --from "$me" --author 'Another <other@somewhere.net>' --signoff --source "$tree" --out "$out" >"$scratch/log"
[ "$(grep -l "^Signed-off-by: $me$" "$out"/*.patch | wc -l)" = 3 ]
! grep -rq localhost "$out" || exit 1
for n in 1 2 3; do grep -q "^Subject: \[PATCH RFC v2 $n/3\] media: " "$out"/000$n-*.patch; done
grep -q '^In-Reply-To: <20260429195306.239666-1-mfritsche@reauktion.de>$' "$out"/0000-*.patch
[ "$(grep -c '^prerequisite-patch-id: ' "$out"/0000-*.patch)" = "$(find "$kernel"/prereq/6.12 -name '0*.patch' | wc -l)" ]
grep -q 'linux-media@vger.kernel.org' "$out"/0003-*.patch
grep -q 'linux-rockchip@lists.infradead.org' "$out"/0003-*.patch

# What a maintainer gets by applying them is what kernel/ has.
repo=$scratch/repo
git init -q "$repo"
cp -r "$tree/." "$repo"
git -C "$repo" add -Af .
git -C "$repo" -c user.name=base -c user.email=base@localhost commit -qm base
export GIT_COMMITTER_NAME=test GIT_COMMITTER_EMAIL=test@localhost
git -C "$repo" am -q "$kernel"/prereq/6.12/0*.patch
git -C "$repo" tag before
git -C "$repo" am -q "$kernel"/series/v2/6.12/000[4-6]-*.patch
git -C "$repo" tag theirs
git -C "$repo" checkout -q before
git -C "$repo" am -q "$out"/000[1-3]-*.patch
git -C "$repo" diff --exit-code theirs HEAD -- >/dev/null || { echo "the mails are another change than kernel/"; exit 1; }
[ "$(git -C "$repo" log -1 --format=%an)" = Another ]
git -C "$repo" log -1 --format=%B | grep -q "^Signed-off-by: $me$"
! git -C "$repo" log -1 --format=%B | grep -q '^ drivers/.*|' || { echo "the diffstat is in the message"; exit 1; }

if ! git send-email --help >/dev/null 2>&1 && ! [ -e /usr/lib/git-core/git-send-email ]; then
    echo "git-email is not installed: not tried"
    exit 0
fi
# A dry run opens no connection; the server would be /bin/false.
GIT_AUTHOR_NAME=test GIT_AUTHOR_EMAIL=test@localhost git -C "$repo" send-email --dry-run --from "$me" --confirm=never --smtp-server=/bin/false --suppress-cc=self "$out"/*.patch >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }
[ "$(grep -c '^Result: OK' "$scratch/log")" = 4 ]
# The patches answer the letter, the letter answers v1.
letter=$(sed -n 's/^Message-I[dD]: //p' "$scratch/log" | head -n 1)
[ "$(grep -c "^In-Reply-To: $letter" "$scratch/log")" = 3 ]
[ "$(grep -c '^In-Reply-To: <20260429195306' "$scratch/log")" = 1 ]
