// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "checks/run.hpp"

namespace relfence::checks {

/// Keys: tool, version, kernel, checks (rows with device, driver, card, role, stream, check,
/// verdict, text, ms), counts.
[[nodiscard]] nlohmann::json to_json(const std::vector<Section>& sections,
                                     const std::string& kernel);
/// KTAP version 1, one subtest for each device with one kind of work. What could not be tested is
/// "SKIP", a warning is "ok" with "WARN" behind it, what this program could not do is "not ok" with
/// "error:" above it.
/// Source: Documentation/dev-tools/ktap.rst.
[[nodiscard]] std::string to_ktap(const std::vector<Section>& sections);

/// The line above the rows of a section.
[[nodiscard]] std::string heading(const Section& section);
/// One row. @param colour with escape sequences
[[nodiscard]] std::string line(const Row& row, bool colour);
/// "12 pass, 2 fail, 1 warn, 1 skip, 0 error".
[[nodiscard]] std::string totals(const Counts& counts);

}  // namespace relfence::checks
