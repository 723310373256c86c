// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>

#include <relfence/bench/saved_runs.hpp>

namespace relfence::bench {

/// What this machine is. @param root where proc and sys are: "/"
[[nodiscard]] Machine describe_machine(const std::filesystem::path& root);

/// The time in UTC: "2025-01-31T12:00:00Z".
[[nodiscard]] std::string utc_now();

}  // namespace relfence::bench
