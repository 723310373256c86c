// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include <nlohmann/json.hpp>

#include "guest_run.hpp"

namespace relfence::bench {

/// What is to be measured, and how often.
struct FigureOptions {
    unsigned rounds = 7;
    bool gstreamer = true;
    double seconds = 2;  ///< that libvpx alone plays in each round, about
    /// Where clips are kept for the next time; empty: nowhere.
    std::filesystem::path clips;
};

/// Measures the whole board: frames per second through the driver beside libvpx alone, all of them
/// once in each round, register accesses, the way of an interrupt, and the boot.
/// @param run its scratch directory gets the clips @return a report, see print_figures()
[[nodiscard]] Result<nlohmann::json> measure_figures(GuestRun run, const FigureOptions& options);

/// A table of a report of measure_figures().
void print_figures(const nlohmann::json& report);

}  // namespace relfence::bench
