// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <relfence/lab/guest.hpp>

namespace relfence::lab {

/// Where a machine finds what it shares with the lab: file descriptors that it inherits, and the
/// scratch directory with relfence-init.
struct MachineLines {
    std::filesystem::path scratch;
    int console = -1;   ///< what the kernel prints, written
    int line_in = -1;   ///< relfence-init's line, read
    int line_out = -1;  ///< the same, written
};

/// The command that boots the guest's kernel: the kernel itself where it is User Mode Linux, QEMU
/// for arm64.
/// @return an error that says what to install when a program is missing
[[nodiscard]] Result<std::vector<std::string>> machine_command(const GuestConfig& config,
                                                               const MachineLines& lines);

}  // namespace relfence::lab
