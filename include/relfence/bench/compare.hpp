// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/bench/rank_test.hpp>
#include <relfence/bench/saved_runs.hpp>

namespace relfence::bench {

/// How many runs each side needs before anything is said of a figure.
inline constexpr std::size_t least_runs = 10;

/// What can be said of one figure.
enum class Verdict {
    differs,        ///< the runs support it
    no_difference,  ///< they do not: this is not a proof that there is none
    not_compared,   ///< see Compared::reason
};

/// One figure of both sets of runs.
struct Compared {
    std::string name;
    std::string unit;
    Verdict verdict = Verdict::not_compared;
    std::string reason;  ///< why it is not compared
    std::size_t runs_a = 0;
    std::size_t runs_b = 0;
    double median_a = 0;  ///< of the runs' medians
    double median_b = 0;
    RankTest test{};
    std::optional<Interval> ratio;  ///< B/A
};

/// What compare_runs() found.
struct Comparison {
    std::vector<Compared> figures;   ///< by name
    std::vector<std::string> notes;  ///< in what else the sets differ: "kernel: 6.12.48, 6.12.49"
    double alpha = 0.01;             ///< chance to call any difference where there is none
    double confidence = 0.99;        ///< of each interval, so that all hold together with 1 - alpha
};

/// Compares the runs' medians figure by figure: with samples of one run as if they were
/// independent, a difference between two runs would pass for one between two drivers.
///
/// A figure differs when the U test's p is below alpha divided by the number of figures compared
/// (Bonferroni), and the interval of the ratio, at the same level, leaves out 1.
/// Fails when the sets are of different work.
/// @param name_a what @p a is called in messages @param name_b the same of @p b
[[nodiscard]] Result<Comparison> compare_runs(const SavedRuns& a, const SavedRuns& b,
                                              std::string_view name_a, std::string_view name_b);

/// The comparison as a table for people.
[[nodiscard]] std::string comparison_to_text(const Comparison& comparison);
/// The comparison for machines.
[[nodiscard]] std::string comparison_to_json(const Comparison& comparison);

}  // namespace relfence::bench
