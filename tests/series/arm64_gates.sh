#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs a command that compiles for arm64, or says what is missing for it: exit code 77.
# Usage: arm64_gates.sh COMMAND...
set -euo pipefail
command -v aarch64-linux-gnu-gcc >/dev/null || {
    echo "skipped: aarch64-linux-gnu-gcc is not installed; sudo apt-get install gcc-aarch64-linux-gnu"
    exit 77
}
exec "$@"
