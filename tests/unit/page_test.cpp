// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "page/html.hpp"
#include "page/plot.hpp"
#include "page/report_page.hpp"

namespace relfence::page {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

json cell(const char* kernel, bool ok) {
    return {{"case", "in-flight-fence"},
            {"driver", "vim2m"},
            {"kernel", kernel},
            {"expected", "real"},
            {"seen", ok ? "real" : "stub"},
            {"ok", ok},
            {"log", "logs/v2.log"}};
}

TEST(Escape, LeavesNoMarkup) {
    EXPECT_EQ(escape("<a href='x'>\"&\x01"), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;\xef\xbf\xbd");
}

TEST(Quantile, IsLinearBetweenNeighbours) {
    EXPECT_DOUBLE_EQ(quantile({1, 2, 3, 4, 5}, 0.5), 3);
    EXPECT_DOUBLE_EQ(quantile({10, 20}, 0.25), 12.5);
    EXPECT_DOUBLE_EQ(quantile({7}, 0.9), 7);
}

TEST(Plot, SurvivesZeroAndEqualSamples) {
    const std::string svg = to_svg({"t", "ns", {{"a", {0, 0}}, {"b", {5}}}});
    EXPECT_THAT(svg, Not(HasSubstr("nan")));
    EXPECT_THAT(svg, Not(HasSubstr("inf")));
    EXPECT_THAT(svg, HasSubstr("n=2"));
}

TEST(ReportPage, SaysThatAllIsAsExpected) {
    const auto page = render_report({{"cells", {cell("v2", true)}}});
    ASSERT_TRUE(page) << page.error().message();
    EXPECT_THAT(*page, HasSubstr("All 1 cells are as expected."));
    EXPECT_THAT(*page, Not(HasSubstr("console log")));
}

TEST(ReportPage, ShowsExpectationAndLogOfACellThatIsNot) {
    const auto page = render_report({{"cells", {cell("v1", true), cell("v2", false)}}});
    ASSERT_TRUE(page);
    EXPECT_THAT(*page, HasSubstr("1 of 2 cells are not as expected."));
    EXPECT_THAT(*page, HasSubstr("expected: real"));
    EXPECT_THAT(*page, HasSubstr("console log"));
}

TEST(ReportPage, AnEmptyRunIsNoSuccess) {
    const auto page = render_report({{"cells", json::array()}});
    ASSERT_TRUE(page);
    EXPECT_THAT(*page, HasSubstr("No cell was run."));
    EXPECT_THAT(*page, Not(HasSubstr("verdict ok")));
}

TEST(ReportPage, HostileTextStaysText) {
    json bad = cell("v2", false);
    bad["seen"] = "<script>alert(1)</script>";
    bad["log"] = "x' onclick='y";
    const auto page = render_report({{"cells", {bad}}});
    ASSERT_TRUE(page);
    EXPECT_THAT(*page, Not(HasSubstr("<script>")));
    EXPECT_THAT(*page, Not(HasSubstr("' onclick='")));
}

TEST(ReportPage, NamesWhatIsWrongWithAReport) {
    EXPECT_FALSE(render_report(json::array()));
    EXPECT_FALSE(render_report(json{{"cells", 3}}));
    const auto page = render_report({{"cells", {{{"case", "x"}, {"driver", 7}}}}});
    ASSERT_FALSE(page);
    EXPECT_THAT(page.error().message(), HasSubstr("cells[0].driver"));
}

}  // namespace
}  // namespace relfence::page
