// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <relfence/base/statistics.hpp>
#include <relfence/bench/rank_test.hpp>

namespace relfence::bench {
namespace {

constexpr std::size_t exact_limit = 100;

/// Twice the mid-ranks, so that they are whole numbers, of the samples of both sets in ascending
/// order, with what comes of them.
struct Ranks {
    std::vector<unsigned> doubled;  ///< of all samples
    unsigned sum_a = 0;             ///< of the doubled ranks of the first set
    double ties = 0;                ///< sum of t^3 - t over groups of t equal samples
};

Ranks rank(std::span<const double> a, std::span<const double> b) {
    struct Sample {
        double value;
        bool is_a;
    };
    std::vector<Sample> all;
    for (const double value : a) all.push_back({value, true});
    for (const double value : b) all.push_back({value, false});
    std::ranges::sort(all, {}, &Sample::value);
    Ranks ranks;
    for (std::size_t first = 0; first < all.size();) {
        std::size_t end = first;
        while (end < all.size() && all[end].value == all[first].value) ++end;
        // Ranks first+1 to end, of which the mean is (first + 1 + end) / 2.
        const auto doubled = static_cast<unsigned>(first + 1 + end);
        for (std::size_t i = first; i < end; ++i) {
            ranks.doubled.push_back(doubled);
            if (all[i].is_a) ranks.sum_a += doubled;
        }
        const auto count = static_cast<double>(end - first);
        ranks.ties += count * count * count - count;
        first = end;
    }
    return ranks;
}

/// Of all ways to deal @p size of the ranks to the first set, the share whose sum is s, at index s.
std::vector<double> sum_distribution(const std::vector<unsigned>& ranks, std::size_t size) {
    std::size_t total = 0;
    for (const unsigned rank : ranks) total += rank;
    std::vector<std::vector<double>> ways(size + 1, std::vector<double>(total + 1, 0));
    ways[0][0] = 1;
    std::size_t dealt = 0;
    std::size_t most = 0;
    for (const unsigned rank : ranks) {
        ++dealt;
        most += rank;
        for (std::size_t taken = std::min(dealt, size); taken > 0; --taken)
            for (std::size_t sum = most; sum >= rank; --sum)
                ways[taken][sum] += ways[taken - 1][sum - rank];
    }
    double all = 0;
    for (const double count : ways[size]) all += count;
    for (double& count : ways[size]) count /= all;
    return ways[size];
}

double exact_p(const Ranks& ranks, std::size_t size) {
    const auto shares = sum_distribution(ranks.doubled, size);
    double below = 0;
    double above = 0;
    for (std::size_t sum = 0; sum < shares.size(); ++sum) {
        if (sum <= ranks.sum_a) below += shares[sum];
        if (sum >= ranks.sum_a) above += shares[sum];
    }
    return std::min(1.0, 2 * std::min(below, above));
}

double normal_p(double u, double m, double n, double ties) {
    const double all = m + n;
    const double variance = m * n / 12 * (all + 1 - ties / (all * (all - 1)));
    if (variance <= 0) return 1;  // all samples are the same
    const double distance = std::max(0.0, std::abs(u - m * n / 2) - 0.5);
    return std::erfc(distance / std::sqrt(variance) / std::sqrt(2.0));
}

/// The largest k for which U < k in at most @p share of the cases, without ties: as many of the
/// sorted ratios lie outside the interval at each side, but for the k-th itself.
std::size_t outside(std::size_t m, std::size_t n, double share) {
    if (m + n > exact_limit) {
        const auto pairs = static_cast<double>(m * n);
        const double sigma = std::sqrt(pairs * static_cast<double>(m + n + 1) / 12);
        // The normal quantile, by bisection on its distribution.
        double low = -10;
        double high = 0;
        for (int i = 0; i < 100; ++i) {
            const double middle = (low + high) / 2;
            (std::erfc(-middle / std::sqrt(2.0)) / 2 < share ? low : high) = middle;
        }
        return static_cast<std::size_t>(std::max(0.0, std::floor(pairs / 2 + low * sigma + 0.5)));
    }
    std::vector<unsigned> ranks;
    for (unsigned i = 1; i <= m + n; ++i) ranks.push_back(i);
    const auto shares = sum_distribution(ranks, m);
    const std::size_t least = m * (m + 1) / 2;
    double below = 0;
    std::size_t k = 0;
    while (below + shares[least + k] <= share) below += shares[least + k++];
    return k;
}

}  // namespace

RankTest rank_test(std::span<const double> a, std::span<const double> b) {
    const Ranks ranks = rank(a, b);
    const auto m = static_cast<double>(a.size());
    const auto n = static_cast<double>(b.size());
    RankTest test;
    test.u = ranks.sum_a / 2.0 - m * (m + 1) / 2;
    test.exact = a.size() + b.size() <= exact_limit;
    test.p = test.exact ? exact_p(ranks, a.size()) : normal_p(test.u, m, n, ranks.ties);
    return test;
}

std::optional<Interval> ratio_interval(std::span<const double> a, std::span<const double> b,
                                       double confidence) {
    std::vector<double> ratios;
    ratios.reserve(a.size() * b.size());
    for (const double x : a) {
        for (const double y : b) {
            if (!(x > 0) || !(y > 0)) return std::nullopt;
            ratios.push_back(std::log(y / x));
        }
    }
    std::ranges::sort(ratios);
    const std::size_t k = outside(a.size(), b.size(), (1 - confidence) / 2);
    Interval interval;
    interval.estimate = std::exp(quantile(ratios, 0.5));
    interval.low = k == 0 ? 0 : std::exp(ratios[k - 1]);
    interval.high =
        k == 0 ? std::numeric_limits<double>::infinity() : std::exp(ratios[ratios.size() - k]);
    return interval;
}

double median(std::span<const double> samples) {
    std::vector<double> sorted{samples.begin(), samples.end()};
    std::ranges::sort(sorted);
    return quantile(sorted, 0.5);
}

}  // namespace relfence::bench
