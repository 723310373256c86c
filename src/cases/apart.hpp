// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>

#include <relfence/base/error.hpp>

namespace relfence::cases {

/// Looks from a process of its own, for what may never end: a driver that waits for hardware inside
/// the kernel holds whoever asked, and that process is then left behind.
/// @param see runs in a fork() of this process; what it says must fit into a pipe
/// @return what it said; an error when it died without a word
[[nodiscard]] Result<std::string> look_apart(const std::function<Result<std::string>()>& see);

}  // namespace relfence::cases
