// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

namespace relfence {

/// The value below which @p share (0 to 1) of the samples lie, interpolated between neighbours.
/// @param sorted ascending, not empty
[[nodiscard]] double quantile(const std::vector<double>& sorted, double share);

}  // namespace relfence
