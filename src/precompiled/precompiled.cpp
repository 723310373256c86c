// SPDX-License-Identifier: MIT
// Nothing: CMake wants a source file in the target that makes the precompiled header.
