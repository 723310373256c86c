// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include "cases/case.hpp"
#include "viewing/viewing.hpp"

namespace relfence::cases {

/// Saves a wrong frame and the right one as PREFIX-DRIVER-seen.png and PREFIX-DRIVER-right.png
/// among the artifacts, and names them in @p outcome.
[[nodiscard]] Result<void> save_pictures(const Setup& setup, std::string_view prefix,
                                         const viewing::WrongFrame& frame, Outcome& outcome);

}  // namespace relfence::cases
