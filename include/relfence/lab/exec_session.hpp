// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/lab/guest.hpp>
#include <relfence/lab/process.hpp>

namespace relfence::lab {

/// One command in a guest, its streams joined to ours.
struct ExecOptions {
    std::filesystem::path kernel;
    std::string memory = "512M";
    std::optional<std::chrono::milliseconds> timeout;
    std::vector<std::string> command;
    std::vector<std::string> share;      ///< host directories that the guest may write
    std::filesystem::path console_file;  ///< gets the kernel's console; empty: nowhere
    BoardConfig board;                   ///< hardware beside the guest
    bool terminal = false;               ///< on a pty of the guest, our terminal raw
};

/// Exit codes of relfence-lab exec that are not the command's own.
inline constexpr int exit_tool_error = 2;
inline constexpr int exit_timed_out = 124;
inline constexpr int exit_guest_died = 125;  ///< or its board

/// Runs the command to its end. Forwards SIGINT, SIGTERM, SIGHUP and SIGQUIT to it; the second one
/// switches the guest off. Writes to our stdout and stderr only what the command wrote, and its own
/// message when the guest died or ran out of time.
/// @return the exit code for the lab: the command's, 128 + N when signal N killed it, or one of the
///         above; an error when the guest could not be started
[[nodiscard]] Result<int> exec_in_guest(const ExecOptions& options, const Interrupts& interrupts);

/// The job for @p command as the host's user would run it: environment, working directory, and the
/// directories that the guest's own /tmp would hide.
[[nodiscard]] GuestJob make_guest_job(const std::vector<std::string>& command,
                                      const std::filesystem::path& directory);

}  // namespace relfence::lab
