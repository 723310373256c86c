// SPDX-License-Identifier: MIT
#include <cmath>
#include <random>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <relfence/bench/compare.hpp>
#include <relfence/bench/rank_test.hpp>

namespace relfence::bench {
namespace {

// Hollander and Wolfe, "Nonparametric statistical methods", 1973, page 69: permeability of human
// chorioamnion, at term and between 12 and 26 weeks. R's wilcox.test() has it as its example:
// W = 35, p = 0.1272 one-sided, difference 0.305 with the 95 % interval -0.15 to 0.76.
const std::vector<double> at_term{0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46};
const std::vector<double> earlier{1.15, 0.88, 0.90, 0.74, 1.21};

TEST(RankTest, IsThePublishedOne) {
    const RankTest test = rank_test(at_term, earlier);
    EXPECT_DOUBLE_EQ(test.u, 35);
    EXPECT_TRUE(test.exact);
    EXPECT_NEAR(test.p, 2 * 0.1272061272, 1e-9);
}

// The age of males and females at diagnosis of diabetes, the example of scipy's mannwhitneyu().
TEST(RankTest, IsThatOfTheSecondExample) {
    const RankTest test =
        rank_test(std::vector<double>{19, 22, 16, 29, 24}, std::vector<double>{20, 11, 17, 12});
    EXPECT_DOUBLE_EQ(test.u, 17);
    EXPECT_NEAR(test.p, 0.1111111111, 1e-9);
}

// By counting all 24310 ways to deal the mid-ranks (Python's itertools.combinations).
TEST(RankTest, IsExactWithTies) {
    const RankTest test = rank_test(std::vector<double>{1, 2, 2, 3, 3, 3, 5, 8},
                                    std::vector<double>{2, 3, 4, 4, 6, 7, 7, 8, 9});
    EXPECT_DOUBLE_EQ(test.u, 17);
    EXPECT_NEAR(test.p, 0.0683669271904566, 1e-12);
}

// scipy.stats.mannwhitneyu(method="asymptotic"), which corrects for ties and continuity too.
TEST(RankTest, TakesTheNormalCurveForManySamples) {
    std::vector<double> a;
    std::vector<double> b;
    for (int i = 0; i < 60; ++i) {
        a.push_back((i * 37) % 101);
        b.push_back((i * 53) % 103 + 5);
    }
    const RankTest test = rank_test(a, b);
    EXPECT_FALSE(test.exact);
    EXPECT_DOUBLE_EQ(test.u, 1692.5);
    EXPECT_NEAR(test.p, 0.5743623549697011, 1e-12);
}

TEST(RankTest, OfTheSameSamplesIsOne) {
    const std::vector<double> same(12, 5.0);
    EXPECT_DOUBLE_EQ(rank_test(same, same).p, 1);
    const std::vector<double> many(80, 5.0);
    EXPECT_DOUBLE_EQ(rank_test(many, many).p, 1);
}

std::vector<double> exponentials(const std::vector<double>& logarithms) {
    std::vector<double> values;
    for (const double value : logarithms) values.push_back(std::exp(value));
    return values;
}

// A ratio is a difference of logarithms, so that the published difference has to come out.
TEST(RatioInterval, IsThePublishedOne) {
    const auto ratio = ratio_interval(exponentials(earlier), exponentials(at_term), 0.95);
    ASSERT_TRUE(ratio);
    EXPECT_NEAR(std::log(ratio->estimate), 0.305, 1e-9);
    EXPECT_NEAR(std::log(ratio->low), -0.15, 1e-9);
    EXPECT_NEAR(std::log(ratio->high), 0.76, 1e-9);
}

TEST(RatioInterval, IsOpenWhenNoSamplesWouldDo) {
    const auto ratio = ratio_interval(std::vector<double>{1, 2}, std::vector<double>{3, 4}, 0.95);
    ASSERT_TRUE(ratio);
    EXPECT_EQ(ratio->low, 0);
    EXPECT_TRUE(std::isinf(ratio->high));
    EXPECT_FALSE(ratio_interval(std::vector<double>{0, 1}, std::vector<double>{1, 2}, 0.95));
}

/// Runs of several figures whose samples have a long tail, as times do; the runs differ among
/// themselves more than the samples of one.
SavedRuns draw(std::mt19937_64& random, std::size_t runs, double factor) {
    // By hand: how the standard distributions draw is each library's own affair.
    const auto normal = [&] {
        const auto uniform = [&] { return (static_cast<double>(random() >> 11) + 0.5) * 0x1p-53; };
        const double radius = std::sqrt(-2 * std::log(uniform()));
        return radius * std::cos(2 * std::acos(-1.0) * uniform());
    };
    SavedRuns saved;
    saved.work.driver = "drawn";
    for (std::size_t i = 0; i < runs; ++i) {
        bench::Run run;
        for (const char* name : {"a", "b", "c", "d", "e"}) {
            Samples samples{"ns", {}};
            const double level = 1000 * factor * std::exp(0.1 * normal());
            for (int k = 0; k < 20; ++k)
                samples.values.push_back(level * std::exp(0.05 * std::abs(normal())));
            run.figures.emplace(name, std::move(samples));
        }
        saved.runs.push_back(std::move(run));
    }
    return saved;
}

int count_differences(std::uint64_t seed, double factor, int draws, bool all) {
    std::mt19937_64 random{seed};
    int called = 0;
    for (int i = 0; i < draws; ++i) {
        const auto a = draw(random, least_runs, 1);
        const auto b = draw(random, least_runs, factor);
        const auto comparison = compare_runs(a, b, "A", "B");
        if (!comparison) return -1;
        const auto differs = [](const Compared& figure) {
            return figure.verdict == Verdict::differs;
        };
        const auto& figures = comparison->figures;
        called +=
            all ? std::ranges::all_of(figures, differs) : std::ranges::any_of(figures, differs);
    }
    return called;
}

// Catches: samples of one run taken for independent, five figures tested as if they were one.
TEST(Compare, CallsNoDifferenceOfTheSameDistribution) {
    for (const std::uint64_t seed : {1U, 2U})
        EXPECT_LE(count_differences(seed, 1, 100, false), 5) << "of 100, seed " << seed;
}

// The control of the test above: all samples of all runs in one test, as if they were independent,
// make differences out of nothing.
TEST(Compare, WouldCallDifferencesOfPooledSamples) {
    std::mt19937_64 random{1};
    int called = 0;
    for (int i = 0; i < 30; ++i) {
        std::vector<double> pooled[2];
        for (auto& samples : pooled)
            for (const auto& run : draw(random, least_runs, 1).runs)
                for (const double value : run.figures.at("a").values) samples.push_back(value);
        called += rank_test(pooled[0], pooled[1]).p < 0.01 / 5 ? 1 : 0;
    }
    EXPECT_GT(called, 6);
}

// The other control: that a difference which is there is called.
TEST(Compare, CallsADifferenceThatIsThere) {
    EXPECT_GE(count_differences(4, 1.5, 20, true), 20);
}

TEST(Compare, SaysNothingOfNineRuns) {
    std::mt19937_64 random{5};
    const auto comparison = compare_runs(draw(random, 9, 1), draw(random, 10, 100), "A", "B");
    ASSERT_TRUE(comparison);
    for (const Compared& figure : comparison->figures) {
        EXPECT_EQ(figure.verdict, Verdict::not_compared);
        EXPECT_EQ(figure.reason, "A has 9 runs, B has 10, and each needs 10");
    }
}

TEST(Compare, SaysWhyAFigureIsMissing) {
    std::mt19937_64 random{6};
    auto a = draw(random, 10, 1);
    const auto b = draw(random, 10, 1);
    for (auto& run : a.runs) {
        run.figures.erase("c");
        run.missing["c"] = "no fence";
    }
    const auto comparison = compare_runs(a, b, "A", "B");
    ASSERT_TRUE(comparison);
    EXPECT_EQ(comparison->figures[2].reason, "A: no fence");
    EXPECT_NEAR(comparison->confidence, 1 - 0.01 / 4, 1e-12);
    EXPECT_THAT(comparison_to_text(*comparison), testing::HasSubstr("not compared: A: no fence"));
}

TEST(Compare, RefusesOtherWork) {
    std::mt19937_64 random{7};
    const auto a = draw(random, 10, 1);
    auto b = a;
    b.work.depth = 9;
    const auto comparison = compare_runs(a, b, "a.json", "b.json");
    ASSERT_FALSE(comparison);
    EXPECT_THAT(comparison.error().message(), testing::StartsWith("b.json: is "));
}

}  // namespace
}  // namespace relfence::bench
