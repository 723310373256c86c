// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>

#include "guest_run.hpp"

namespace relfence::bench {

/// Lets six programs at once - three decoders, three converters - work on a board for a while and
/// counts what went wrong. @param run its scratch directory gets the clips
/// @return a report: "good" tells whether nothing did. Fails when there was no guest
[[nodiscard]] Result<nlohmann::json> soak(GuestRun run, unsigned seconds);

/// A report of soak() for people.
void print_soak(const nlohmann::json& report);

}  // namespace relfence::bench
