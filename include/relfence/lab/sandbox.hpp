// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace relfence::lab {

/// What a sandboxed command may do beyond reading the host's files.
struct SandboxOptions {
    std::vector<std::string> writable;  ///< directories it may write
    std::string directory = "/";        ///< where it starts
};

/// The command line that runs @p command with the host's files read-only, in a process namespace of
/// its own, without capabilities, with a private /dev, /dev/shm and /proc.
///
/// bubblewrap does it, as root and as an ordinary user alike. A guest kernel is an ordinary process
/// with a hostfs root that is the host's: nothing but this keeps a guest's root from writing the
/// host. All of it dies with the process that started it.
[[nodiscard]] std::vector<std::string> sandboxed(const SandboxOptions& options,
                                                 const std::vector<std::string>& command);

/// The command line that runs @p command as it is, but so that none of its processes outlives the
/// one that started it: for compilers, whose children a signal to make alone would leave behind.
[[nodiscard]] std::vector<std::string> contained(const std::vector<std::string>& command);

}  // namespace relfence::lab
