#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The control of `relfence-lab verify`: each mistake fails its own gate, says where it is, and no other gate fails.
# Usage: verify_control.sh VERIFY-PROGRAM PROJECT quick|builds|arm64|sparse [VERSION]
set -euo pipefail
# shellcheck source=tests/skip.sh
. "$(dirname "$0")/../skip.sh"
verify=$1 project=$2 part=$3 version=${4:-6.12}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
copy=$scratch/project

fresh() {
    rm -rf "$copy"
    mkdir -p "$copy/tests/series"
    cp -r "$project/kernel" "$project/lab" "$copy"
    cp "$project/tests/series/checkpatch.allowed" "$copy/tests/series"
}
change() { # patch, sed expression: it must change something
    local patch
    patch=$(find "$copy"/kernel/series/*/"$version" -name "$1-*.patch")
    cp "$patch" "$scratch/before"
    sed -i "$2" "$patch"
    ! cmp -s "$patch" "$scratch/before" || { echo "nothing to change in $patch"; exit 1; }
}
# Exit code, gate that must be alone in failing (or none), texts in the table.
expect() {
    local code=0 failed unchecked text
    "$verify" --project "$copy" --out "$scratch/out" --json "${gates[@]}" >"$scratch/json" || code=$?
    if unchecked=$(grep 'nothing was checked' "$scratch/json"); then skip "$unchecked"; fi
    failed=$(python3 -c '
import json, sys
document = json.load(open(sys.argv[1]))
print(",".join(g["gate"] for g in document["gates"] if g["result"] not in ("pass", "skip")))' "$scratch/json")
    [ $code = "$1" ] && [ "$failed" = "$2" ] || { echo "exit code $code, failed: $failed"; cat "$scratch/json"; exit 1; }
    for text in "${@:3}"; do
        grep -q "$text" "$scratch/json" || { echo "'$text' is not said"; cat "$scratch/json"; exit 1; }
    done
}

if [ "$part" = quick ]; then
    gates=(--gate applies --gate checkpatch --gate kernel-doc)
    fresh
    expect 0 '' '17 patches, and the whole reversed'
    change 0006 '0,/^ static/s//  static/'
    expect 1 applies '0006-.*: does not apply: drivers/media/platform/rockchip/rga/rga.c, hunk [0-9]* at line [0-9]*'
    fresh
    change 0004 's/^+ \* @src: the OUTPUT/+ * @sauce: the OUTPUT/'
    expect 1 kernel-doc "v4l2-mem2mem.h: .*'src'"
    fresh
    change 0004 's/^+\treturn vb2_buffer_attach_release_fence(/+\treturn vb2_buffer_attach_release_fence (/'
    expect 1 checkpatch '0004-.*SPACING'
elif [ "$part" = arm64 ]; then
    gates=(--arch arm64 --gate applies --gate builds --gate W=1)
    fresh
    # Built in, as in User Mode Linux, this makes no difference.
    change 0004 's/^+EXPORT_SYMBOL_GPL(v4l2_m2m_attach_release_fence);/+\/\* for nobody else \*\//'
    expect 1 builds '0005-.*v4l2_m2m_attach_release_fence is used by a module, and nothing exports it'
elif [ "$part" = sparse ]; then
    [ "$version" = 6.12 ] || [ -n "${RELFENCE_NETWORK:-}" ] ||
        skip 'fetches sparse, and compiles for minutes; RELFENCE_NETWORK=1 in the environment allows it'
    downloads=${XDG_CACHE_HOME:-$HOME/.cache}/relfence/downloads
    [ -e "/usr/src/linux-source-$version.tar.xz" ] || [ -e "$downloads/linux-source-$version.tar.xz" ] ||
        skip "no source of Linux $version; relfence-lab source $version fetches it"
    gates=(--kernel-version "$version" --gate builds --gate W=1 --gate sparse)
    fresh
    # Neither changes what the compiler makes of it.
    change 0004 '/^+struct vb2_fence_timeline {/,/^+};/s/u64 context/__le64 context/'
    change 0004 '/^+struct vb2_fence {/,/^+};/s/vb2_fence_timeline \*/vb2_fence_timeline __user */'
    expect 1 sparse 'videobuf2-fence.c: warning: incorrect type in assignment (different base types)' \
        'videobuf2-fence.c: warning: incorrect type in assignment (different address spaces)'
else
    gates=(--gate applies --gate checkpatch --gate kernel-doc --gate builds --gate W=1)
    fresh
    change 0006 '0,/^+\tbool cookie;/s//+\tbool cookie, unused;/'
    expect 1 W=1 "0006-.*rga.c: warning: unused variable"
    fresh
    change 0006 '0,/^+\tbool cookie;/s//+\tbool cooky;/'
    expect 1 builds "0006-.*rga.c.*cookie"
    # A driver that only this series touches is compiled, too.
    gates=(--series more-drivers --gate builds --gate W=1)
    fresh
    change 0010 '0,/^+\tbool cookie;/s//+\tbool cookie, unused;/'
    expect 1 W=1 "0010-.*rkvdec-h264.c: warning: unused variable"
fi

# Bad input: one line, and exit code 2.
for bad in '--series v9' '--gate none' '--kernel-version 5.4' '--tree /nowhere' '--version seven'; do
    code=0
    # shellcheck disable=SC2086
    "$verify" --project "$project" --out "$scratch/out" $bad >/dev/null 2>"$scratch/err" || code=$?
    [ $code = 2 ] && [ -s "$scratch/err" ] || { echo "$bad: exit code $code"; cat "$scratch/err"; exit 1; }
done
