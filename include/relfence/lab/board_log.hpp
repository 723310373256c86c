// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace relfence::lab {

/// Something that a driver programmed wrong, as the modelled board saw it.
struct DriverBug {
    std::chrono::microseconds time{0};  ///< of the board
    std::string text;                   ///< engine and what: "rga: rows of 34 bytes with ..."
};

/// The driver bugs among the events of a board, in their order. @param log of relfence-board; a
/// last line without an end is left out
[[nodiscard]] std::vector<DriverBug> parse_driver_bugs(std::string_view log);

/// For a cell: "driver bug: " and the first one, and how many more there are.
[[nodiscard]] std::string describe(const std::vector<std::string>& bugs);

}  // namespace relfence::lab
