// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <relfence/bench/saved_runs.hpp>

namespace relfence::bench {

/// The runs as a table for people: over all runs, the median and where most samples lie.
[[nodiscard]] std::string runs_to_text(const SavedRuns& saved);

}  // namespace relfence::bench
