#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The engine's own results come out of the matrix, and a kernel that is not as expected is a failure.
# Usage: guest.sh RELFENCE-LAB-MATRIX
set -euo pipefail
matrix=$(realpath "$1")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
run='"run", "--kernel", "{kernel}", "--case", "in-flight-fence", "--driver", "vim2m", "--out", "{out}"'
cat >"$scratch/matrix.json" <<EOF
{"suites": [{"name": "case", "title": "one case", "kernels": ["baseline", "v2"], "command": [$run],
             "ktap": "{out}/report.ktap"}],
 "lava": {"kernels": [], "boards": []}}
EOF
"$matrix" --matrix "$scratch/matrix.json" run --out "$scratch/out"
grep -q 'ok 1 .*in-flight-fence' "$scratch/out/results.ktap"
grep -q '^ok 2 case/v2$' "$scratch/out/results.ktap"

sed -i "s|\"--out\"|\"--expectations\", \"$scratch/none.json\", \"--out\"|" "$scratch/matrix.json"
cat >"$scratch/none.json" <<'EOF'
{"cases": [{"case": "in-flight-fence", "expected": {"baseline": {"*": "no fence"}, "v2": {"*": "no fence"}}}]}
EOF
code=0
"$matrix" --matrix "$scratch/matrix.json" run --out "$scratch/out" || code=$?
[ $code = 1 ]
grep -q '^ok 1 case/baseline$' "$scratch/out/results.ktap"
grep -q '^not ok 2 case/v2$' "$scratch/out/results.ktap"
