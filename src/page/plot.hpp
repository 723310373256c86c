// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace relfence::page {

/// The samples of one figure on one kernel.
struct Series {
    std::string label;           ///< e.g. "v2, vim2m"
    std::vector<double> values;  ///< in Plot::unit, unsorted, not empty
};

/// One figure: the same quantity on several kernels.
struct Plot {
    std::string title;  ///< e.g. "export_sync_file"
    std::string unit;   ///< e.g. "ns"
    std::vector<Series> series;
};

/// @p plot as an inline SVG: a row per series on a logarithmic axis with every sample as a dot, the
/// p10-p90 range as a bar and the median as a line with its figure. Samples of 0 or less are drawn
/// at the axis' start, since a logarithm has no place for them.
[[nodiscard]] std::string to_svg(const Plot& plot);

}  // namespace relfence::page
