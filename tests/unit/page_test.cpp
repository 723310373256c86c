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

TEST(Plot, NamesNumbersAsAReaderWould) {
    const std::string time = to_svg({"t", "ns", {{"a", {2e6, 2e6}}}});
    EXPECT_THAT(time, HasSubstr("2 ms (2 ms–2 ms), n=2"));
    const std::string pixels = to_svg({"t", "pixels", {{"a", {1000, 1000}}}});
    EXPECT_THAT(pixels, HasSubstr("1k pixels (1k–1k), n=2"));
    EXPECT_THAT(pixels, Not(HasSubstr("e+")));
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

TEST(ReportPage, ListsWhatTheBoardSawThatTheDriverDid) {
    json bug = cell("v2", true);
    bug["details"] = {{"driver_bugs", {"rga: a stride", "<b>"}}};
    const auto page = render_report({{"cells", {bug, cell("v1", true)}}});
    ASSERT_TRUE(page);
    EXPECT_THAT(*page, HasSubstr("<li>rga: a stride</li><li>&lt;b&gt;</li>"));
    const auto without = render_report({{"cells", {cell("v1", true)}}});
    ASSERT_TRUE(without);
    EXPECT_THAT(*without, Not(HasSubstr("driver bugs")));
}

// A kernel that only measures time would be a column of nothing, but not when it went wrong there.
TEST(ReportPage, ShowsKernelsThatMeasureTimeAmongTheFigures) {
    json cost = cell("cost-v2", true);
    cost["samples"] = {{"attach", {{"unit", "ns"}, {"values", {700, 800}}}}};
    json report{
        {"kernels", {{{"name", "v2"}, {"cost", false}}, {{"name", "cost-v2"}, {"cost", true}}}},
        {"cells", {cell("v2", true), cost}}};
    const auto good = render_report(report);
    ASSERT_TRUE(good);
    EXPECT_THAT(*good, Not(HasSubstr("<th>cost-v2</th>")));
    EXPECT_THAT(*good, HasSubstr("cost-v2, vim2m"));
    report["cells"][1]["ok"] = false;
    const auto bad = render_report(report);
    ASSERT_TRUE(bad);
    EXPECT_THAT(*bad, HasSubstr("<th>cost-v2</th>"));
}

// The link must lead to the file from wherever the page is: its directories may not be dropped.
TEST(ReportPage, LinksFilesFromWhereThePageIs) {
    json bad = cell("v2", false);
    bad["artifacts"] = {"boots/v2-01/artifacts/a b.png", "boots/v2-01/other.txt"};
    const auto beside = render_report({{"cells", {bad}}});
    ASSERT_TRUE(beside);
    EXPECT_THAT(*beside, HasSubstr("href='./logs/v2.log'"));
    EXPECT_THAT(*beside, HasSubstr("src='./boots/v2-01/artifacts/a%20b.png'"));
    EXPECT_THAT(*beside, Not(HasSubstr("other.txt")));
    const auto elsewhere = render_report({{"cells", {bad}}}, "../run");
    ASSERT_TRUE(elsewhere);
    EXPECT_THAT(*elsewhere, HasSubstr("href='../run/logs/v2.log'"));
}

TEST(ReportPage, ReasonsOfACaseStandOnceBesideTheirKernel) {
    json other = cell("v2", true);
    other["driver"] = "visl";
    const json cases = {{{"case", "in-flight-fence"}, {"why", {{"v2", "it is attached"}}}}};
    const auto page =
        render_report({{"cells", {cell("v1", true), cell("v2", true), other}}, {"cases", cases}});
    ASSERT_TRUE(page);
    const auto place = page->find("it is attached");
    ASSERT_NE(place, std::string::npos);
    EXPECT_EQ(page->find("it is attached", place + 1), std::string::npos);
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
    bad["artifacts"] = {"javascript:alert(1).png"};
    const auto page = render_report({{"cells", {bad}}});
    ASSERT_TRUE(page);
    EXPECT_THAT(*page, Not(HasSubstr("<script>")));
    EXPECT_THAT(*page, Not(HasSubstr("' onclick='")));
    EXPECT_THAT(*page, Not(HasSubstr("href='javascript")));
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
