// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace relfence::bench {

/// What the test of Mann and Whitney says of two independent sets of samples.
struct RankTest {
    double u = 0;        ///< pairs (a, b) with a > b; a pair of equals counts one half
    double p = 1;        ///< two-sided: how often chance alone gives ranks at least so far apart
    bool exact = false;  ///< by counting all ways to deal the ranks, not by the normal curve
};

/// The U test: do samples of one set tend to be larger than those of the other? It asks nothing of
/// the shape of the distributions, which for times have long tails.
///
/// Exact for up to 100 samples together, with ties as without (the distribution of the sum of
/// mid-ranks, by the shift algorithm of Streitberg and Roehmel, 1986); beyond that the normal
/// approximation with corrections for continuity and ties.
/// Source: Mann and Whitney, "On a test of whether one of two random variables is stochastically
/// larger than the other", 1947; Hollander, Wolfe and Chicken, "Nonparametric statistical methods",
/// 3rd edition, section 4.1.
/// @param a,b not empty, finite
[[nodiscard]] RankTest rank_test(std::span<const double> a, std::span<const double> b);

/// An estimate with the interval around it.
struct Interval {
    double estimate = 0;
    double low = 0;
    double high = 0;
};

/// How many times larger the samples of @p b are than those of @p a: the median of all ratios b/a
/// (the estimator of Hodges and Lehmann on logarithms), with the interval that holds every ratio
/// which the U test would not reject (Moses). It therefore leaves 1 out just when that test does.
/// Source: Hollander, Wolfe and Chicken, sections 4.2 and 4.3.
/// @param a,b not empty @param confidence between 0 and 1: 0.95
/// @return nothing when a sample is not positive, since a ratio then means nothing; an interval
///         that is open at a side for too few samples ends there in 0 or infinity
[[nodiscard]] std::optional<Interval> ratio_interval(std::span<const double> a,
                                                     std::span<const double> b, double confidence);

/// @param samples in any order, not empty
[[nodiscard]] double median(std::span<const double> samples);

}  // namespace relfence::bench
