// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include <relfence/base/error.hpp>

namespace relfence {

/// What a process of its own left.
struct Apart {
    std::optional<std::string> said;  ///< none: it did not get that far
    bool ended = false;               ///< false: it is still there, and cannot be killed
    int signal = 0;                   ///< of its death, or 0
};

/// Does work in a fork() of this process, for what may never end: a driver that waits for hardware
/// inside the kernel holds whoever asked. A kernel that oopses takes that process and not us.
/// @param work what it gives must fit into a pipe, 4096 bytes
/// @param limit for the work; it is killed then
/// @param linger how long to wait for the end of a process that has said its word, or was killed;
///        0 leaves it alone
[[nodiscard]] Result<Apart> run_apart(const std::function<std::string()>& work,
                                      std::chrono::milliseconds limit,
                                      std::chrono::milliseconds linger);

}  // namespace relfence
