#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The command line: exit codes, one line for an error, and an end by Ctrl-C that leaves no process.
# Usage: command.sh RELFENCE-LAB-MATRIX
set -euo pipefail
matrix=$(realpath "$1")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
cat >engine <<'EOF'
#!/bin/sh
[ "$1" = build ] && exit 0
[ "$1" = sleep ] && { echo $$ >"$2"; exec sleep 1000; }
printf 'KTAP version 1\n1..1\nok 1 a\n'
exit "$2"
EOF
chmod +x engine
cat >matrix.json <<'EOF'
{"suites": [{"name": "good", "title": "t", "kernels": ["v2"], "command": ["exit", "0"]},
            {"name": "bad", "title": "t", "kernels": ["v2"], "command": ["exit", "3"]},
            {"name": "long", "title": "t", "command": ["sleep", "pid"]}],
 "lava": {"kernels": [], "boards": []}}
EOF
expect() { # exit code, text of stdout and stderr, arguments...
    local code=0
    "$matrix" --matrix matrix.json "${@:3}" >out 2>&1 || code=$?
    [ $code = "$1" ] || { echo "${*:3}: exit code $code instead of $1"; cat out; exit 1; }
    grep -q -- "$2" out || { echo "${*:3}: '$2' is not said:"; cat out; exit 1; }
}
expect 0 '^good/v2  t$' list
expect 0 '"name": "bad/v2"' list --json
expect 2 'no job fits.*matrix list' list --suite none
expect 0 '1 of 1 jobs as expected' run --engine ./engine --suite good --out r
grep -q '^  ok 1 a$' r/results.ktap
expect 1 'FAIL  bad/v2: exit status 3, not 0' run --engine ./engine --suite bad --out r
grep -q '^not ok 1 bad/v2$' r/results.ktap
expect 2 'run .*nowhere: No such file' run --engine ./nowhere
expect 2 'artifacts' lava --artifacts nonsense
[ ! -e out/matrix ]
code=0
"$matrix" --matrix none/matrix.json list >out 2>&1 || code=$?
[ $code = 2 ] && grep -q 'none/matrix.json: No such file' out

mkfifo pid
"$matrix" --matrix matrix.json run --engine ./engine --suite long --out r >out 2>&1 &
job=$!
read -r child <pid
kill -INT $job
code=0
wait $job || code=$?
[ $code = 130 ] || { echo "interrupted: exit code $code"; cat out; exit 1; }
! kill -0 "$child" 2>/dev/null || { echo "the engine goes on"; exit 1; }
