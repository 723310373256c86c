#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The fragment for a PKGBUILD in makepkg: its lint, its checksums, its prepare(). Then the controls: a patch that
# changed, and patches in another order, must end it.
# Usage: arch.sh RELFENCE-LAB-FLEET PROJECT SOURCE
set -euo pipefail
fleet=$(realpath "$1") project=$(realpath "$2") source=$(realpath "$3")
for tool in makepkg bsdtar shellcheck; do
    command -v $tool >/dev/null || { echo "$tool is not installed (scripts/install-packages --test installs it)"; exit 77; }
done
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$project/packaging/update" --check --fleet "$fleet"
"$project/packaging/export" arch ohm "$scratch/ohm" --fleet "$fleet"
cmp "$scratch/ohm/ohm.pkgbuild" "$project/packaging/arch/ohm.pkgbuild"
shellcheck "$project"/packaging/arch/*.pkgbuild "$project/packaging/update" "$project/packaging/export"

cd "$scratch/ohm"
tar -C "$source" --transform 's|^\.|linux-6.12|' -czf linux-6.12.tar.gz .
cat >PKGBUILD <<EOF
pkgname=linux-ohm
pkgver=6.12
pkgrel=1
pkgdesc="the fragment, on the files that it touches"
arch=(aarch64 x86_64)
license=(GPL2)
source=(linux-6.12.tar.gz)
sha256sums=($(sha256sum linux-6.12.tar.gz | cut -d' ' -f1))
source "\$startdir/ohm.pkgbuild"
prepare() {
  cd "\$srcdir/linux-6.12"
  _release_fence_prepare
}
package() {
  :
}
EOF
run=(env PACMAN=true) # which Debian does not have, and which is not asked for anything here
if [ "$(id -u)" = 0 ]; then # makepkg refuses to run as root
    chmod 755 "$scratch"
    chown -R nobody "$scratch/ohm"
    run=(setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME="$scratch/ohm" PACMAN=true)
fi
prepare() { rm -rf src && "${run[@]}" makepkg --nobuild --nodeps --nocolor >"$scratch/log" 2>&1; }
"${run[@]}" makepkg --printsrcinfo >"$scratch/srcinfo"
grep -q 'source = 0006-' "$scratch/srcinfo"
prepare || { cat "$scratch/log"; exit 1; }
# What makepkg made is what git would make of the same patches.
"$fleet" --project "$project" plan ohm --output "$scratch/all.patch" >/dev/null
mkdir "$scratch/expected"
cp -r "$source/." "$scratch/expected"
(cd "$scratch/expected" && GIT_CEILING_DIRECTORIES=$scratch git apply --whitespace=nowarn "$scratch/all.patch")
diff -r "$scratch/expected" src/linux-6.12
echo "makepkg: $(grep -c '^Applying' "$scratch/log") patches applied"

cp 0005-*.patch "$scratch/0005"
sed -i '/^+.*attach/s/$/ /' 0005-*.patch
! prepare || { echo "a patch that changed was taken"; exit 1; }
grep -q 'did not pass the validity check' "$scratch/log"
cp "$scratch/0005" 0005-*.patch
perl -0pi -e 's/  (prereq-0008-\S+)\n  (prereq-0009-\S+)\n/  $2\n  $1\n/; s/^  \w{64}$/  SKIP/mg' ohm.pkgbuild
! prepare || { echo "patches in another order were taken"; exit 1; }
grep -q 'Applying prereq-0009-' "$scratch/log"
! grep -q 'Applying prereq-0008-' "$scratch/log" || exit 1
