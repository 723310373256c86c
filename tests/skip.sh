# SPDX-License-Identifier: MIT
# For tests in bash, to be read with '.': ways to say that something is missing here, exit code 77.
# shellcheck shell=bash

skip() {
    echo "skipped: $1"
    exit 77
}
# need PROGRAM PACKAGE
need() { command -v "$1" >/dev/null || skip "$1 is not installed; sudo apt-get install $2"; }
