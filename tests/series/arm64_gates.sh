#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs a command that compiles for arm64, or says what is missing for it: exit code 77.
# Usage: arm64_gates.sh [--guest DIRECTORY] COMMAND...
# --guest: it boots as well, with the guest's programs of that directory
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../skip.sh"
need aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
if [ "$1" = --guest ]; then
    need qemu-system-aarch64 qemu-system-arm
    [ -x "$2/relfence-cases" ] || skip "there is no $2/relfence-cases; scripts/build-arm64 makes it"
    shift 2
fi
exec "$@"
