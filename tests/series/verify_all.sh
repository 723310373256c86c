#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# kernel/verify-all with a stand-in for relfence-lab verify: the table, the exit codes, and that README.md takes nothing
# but a whole table in which all is well.
# Usage: verify_all.sh KERNEL-DIRECTORY
set -euo pipefail
kernel=$(realpath "$1")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/kernel"
cp "$kernel/verify-all" "$scratch/kernel"
printf 'before\n<!-- verify: begin -->\nold\n<!-- verify: end -->\nafter\n' >"$scratch/README.md"
cp "$scratch/README.md" "$scratch/old"
cat >"$scratch/verify" <<'EOF'
#!/usr/bin/env bash
version=$2
[ "${3:-}" != --arch ] || version+=-$4
[ ! -e broken ] || exit 2
result=pass code=0
if [ -e "bad-$version" ]; then result=fail code=1; fi
if [ -e "skip-$version" ]; then result=skip; fi
echo "{\"version\": \"$2\", \"release\": \"$2.5\", \"gates\": [
  {\"gate\": \"applies\", \"result\": \"pass\", \"text\": \"3 patches\"},
  {\"gate\": \"cases\", \"result\": \"$result\", \"text\": \"a|b\"}]}"
exit $code
EOF
chmod +x "$scratch/verify"
cd "$scratch"
expect() { # exit code, text, arguments...
    local code=0
    kernel/verify-all --verify ./verify "${@:3}" >said 2>&1 || code=$?
    [ $code = "$1" ] || { echo "${*:3}: exit code $code instead of $1"; cat said; exit 1; }
    grep -qF -- "$2" said || { echo "${*:3}: '$2' is not said:"; cat said; exit 1; }
}
expect 0 '| cases | pass: a\|b | pass: a\|b | pass: a\|b | pass: a\|b |'
expect 0 '| gate | 6.12.5 | 7.2.5 | 7.3.5 | 6.12.5, 6.12-arm64 |' --from-last
expect 0 '| gate | 7.2.5 |' --only 7.2
expect 2 '9.9 is none of: 6.12, 7.2, 7.3, 6.12-arm64' --only 9.9
touch skip-7.3
expect 0 '| cases | pass: a\|b | pass: a\|b | skip: a\|b | pass: a\|b |'
rm skip-7.3
touch bad-7.2
expect 1 '| cases | pass: a\|b | FAIL: a\|b | pass: a\|b | pass: a\|b |'
expect 2 'README.md is left as it was' --update
cmp README.md old
touch broken
expect 2 '6.12: ./verify ended with 2 and no result'
rm -r bad-7.2 broken
expect 0 '| applies | pass: 3 patches |' --update
[ "$(sed -n '1p;3p;$p' README.md)" = "$(printf 'before\n| gate | 6.12.5 | 7.2.5 | 7.3.5 | 6.12.5, 6.12-arm64 |\nafter')" ] || { cat README.md; exit 1; }
touch bad-6.12-arm64
expect 1 'FAIL: a\|b |' --only 6.12-arm64
expect 0 '| cases | pass: a\|b |' --only 6.12
# One column anew: the others stay as they are, in their place, and with what somebody wrote there.
sed -i '6s/pass: a\\|b/not checked: a\\|b/2' README.md
rm bad-6.12-arm64
sed -i 's/3 patches/4 patches/; s/\$2\.5/$2.6/' verify
expect 0 '| pass: 4 patches |' --only 6.12-arm64 --update
diff - <(sed -n '3p;5,6p' README.md) <<'EOF'
| gate | 6.12.5 | 7.2.5 | 7.3.5 | 6.12.6, 6.12-arm64 |
| applies | pass: 3 patches | pass: 3 patches | pass: 3 patches | pass: 4 patches |
| cases | pass: a\|b | not checked: a\|b | pass: a\|b | pass: a\|b |
EOF
expect 0 '| gate | 6.12.5 | 7.2.6 | 7.3.5 | 6.12.6, 6.12-arm64 |' --only 7.2 --update
cp README.md old
touch bad-6.12-arm64
expect 2 'README.md is left as it was' --only 6.12-arm64 --update
cmp README.md old
rm bad-6.12-arm64
sed 's/"cases\\"/"other\\"/' verify >fewer
chmod +x fewer
expect 2 'README.md is left as it was' --only 6.12-arm64 --update --verify ./fewer
cmp README.md old
printf '<!-- verify: begin -->\n<!-- verify: end -->\n' >README.md
expect 0 '| gate | 6.12.6, 6.12-arm64 |' --only 6.12-arm64 --update
[ "$(wc -l <README.md)" = 6 ]
touch bad-6.12-arm64
rm out/verify-all/7.3.json
expect 2 '7.3.json: No such file' --from-last
