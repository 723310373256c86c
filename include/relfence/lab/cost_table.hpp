// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <relfence/lab/report.hpp>

namespace relfence::lab {

/// The report without the kernels that only measure time: what to_table() is for.
[[nodiscard]] Report without_cost(const Report& report);

/// Rows are figures, columns the kernels that measure time: the median of the samples with the
/// range from p10 to p90, in the unit of the row. With two kernels a last column has the ratio of
/// the second one's median to the first one's. Empty when nothing was measured.
[[nodiscard]] std::string cost_table(const Report& report);

}  // namespace relfence::lab
