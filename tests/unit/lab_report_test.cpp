// SPDX-License-Identifier: MIT
#include <algorithm>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <relfence/lab/cost_table.hpp>
#include <relfence/lab/lab_run.hpp>

namespace relfence::lab {
namespace {

using testing::HasSubstr;
using testing::Not;

Cell cell(const std::string& name, const std::string& kernel, const std::string& seen) {
    Cell result;
    result.id = {name, "vim2m"};
    result.kernel = kernel;
    result.seen = seen;
    result.log = "boots/" + kernel + "-01/console.log";
    return result;
}

Expectations expectations(const std::string& kernel, const std::string& name,
                          const std::string& driver, const std::string& text) {
    CaseExpectations entry;
    entry.name = name;
    entry.expected[kernel].emplace(driver, Expected::parse(text).value());
    return {{entry}};
}

std::size_t widest_line(const std::string& text) {
    std::size_t widest = 0;
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);) widest = std::max(widest, line.size());
    return widest;
}

TEST(Judge, ComparesWithTextAndWithWholeExpression) {
    Report report;
    report.cells = {cell("poll", "v2", "busy"), cell("poll", "v1", "busy")};
    judge(report, expectations("v2", "poll", "*", "/b.*y/"));
    EXPECT_TRUE(report.cells[0].ok);
    EXPECT_FALSE(report.cells[1].ok) << "nothing is said of v1";
    judge(report, expectations("v2", "poll", "*", "/us/"));
    EXPECT_FALSE(report.cells[0].ok) << "an expression must fit all of the text";
}

// Catches a broken tool that passes since its error is what somebody once wrote down.
TEST(Judge, AnErrorIsNeverAsExpected) {
    Report report;
    report.cells = {cell("poll", "v2", "error")};
    report.cells[0].verdict = Verdict::error;
    judge(report, expectations("v2", "poll", "*", "error"));
    EXPECT_FALSE(report.cells[0].ok);
}

TEST(Judge, AKunitSuiteMustHaveNoFailureUnlessMoreIsSaid) {
    Report report;
    for (const char* seen : {"11 passed, 0 failed", "11 passed, 1 failed", "0 passed, 0 failed",
                             "incomplete: 3 passed, 0 failed", "panic"}) {
        report.cells.push_back(cell("kunit-x", "v2", seen));
        report.cells.back().id.driver = "kunit";
    }
    judge(report, {});
    EXPECT_TRUE(report.cells[0].ok);
    for (std::size_t i = 1; i < report.cells.size(); ++i)
        EXPECT_FALSE(report.cells[i].ok) << report.cells[i].seen;
}

TEST(AddAbsentSuites, AnExpectedSuiteThatDidNotRunIsACell) {
    Report report;
    report.kernel_names = {"v2"};
    const auto wanted = expectations("v2", "kunit-videobuf2-fence", "kunit", "/.*/");
    add_absent_suites(report, wanted);
    ASSERT_EQ(report.cells.size(), 1U);
    EXPECT_EQ(report.cells[0].seen, "absent");
    add_absent_suites(report, wanted);
    EXPECT_EQ(report.cells.size(), 1U);
    report.kernel_names = {"baseline"};
    report.cells.clear();
    add_absent_suites(report, wanted);
    EXPECT_TRUE(report.cells.empty());
}

TEST(CellsFor, CostRunsAloneAndOptionalKernelsRunWhatIsExpectedOfThem) {
    const std::vector<CellId> cells{
        {"poll", "vim2m"}, {"lockdep-stress", "all"}, {"cost", "vim2m"}};
    KernelSpec spec;
    spec.name = "v2";
    EXPECT_EQ(cells_for(spec, cells, {}).size(), 2U);
    spec.cost = true;
    EXPECT_EQ(cells_for(spec, cells, {}), (std::vector<CellId>{{"cost", "vim2m"}}));
    spec.cost = false;
    spec.optional = true;
    spec.name = "early";
    EXPECT_EQ(cells_for(spec, cells, expectations("early", "lockdep-stress", "*", "lockdep splat")),
              (std::vector<CellId>{{"lockdep-stress", "all"}}));
}

TEST(Differences, KeepsOnlyRowsThatDiffer) {
    Report report;
    report.cells = {cell("poll", "base", "ready"), cell("poll", "series", "busy"),
                    cell("same", "base", "x"), cell("same", "series", "x"),
                    cell("gone", "base", "x")};
    const Report result = differences(report, "base", "series");
    ASSERT_EQ(result.rows().size(), 2U);
    EXPECT_EQ(result.rows()[0].name, "poll");
    EXPECT_EQ(result.rows()[1].name, "gone");
}

TEST(ToTable, MarksWhatIsUnexpectedAndFitsTheWidth) {
    Report report;
    report.kernel_names = {"baseline", "v2"};
    report.cells = {cell("poll", "baseline", "ready"), cell("poll", "v2", std::string(200, 'x'))};
    report.cells[0].ok = true;
    const std::string wide = to_table(report, 400, false);
    EXPECT_THAT(wide, HasSubstr("poll/vim2m  ready     ! xxx"));
    EXPECT_THAT(wide, HasSubstr(std::string(200, 'x')));
    for (const std::size_t width : {60U, 80U, 120U}) {
        const std::string table = to_table(report, width, false);
        EXPECT_LE(widest_line(table), width);
        EXPECT_THAT(table, HasSubstr("..."));
        EXPECT_THAT(table, HasSubstr("ready")) << "a short column is not cut for a long one";
    }
}

TEST(ToTable, ColoursOnlyWhenAsked) {
    Report report;
    report.kernel_names = {"v2"};
    report.cells = {cell("poll", "v2", "busy")};
    EXPECT_THAT(to_table(report, 80, false), Not(HasSubstr("\x1b[")));
    EXPECT_THAT(to_table(report, 80, true), HasSubstr("\x1b[1;31m"));
}

/// Two kernels that measure time beside one that does not.
Report cost_report() {
    Report report;
    report.kernel_names = {"v2", "cost-a", "cost-b"};
    report.kernels = {{{"name", "v2"}, {"cost", false}},
                      {{"name", "cost-a"}, {"cost", true}},
                      {{"name", "cost-b"}, {"cost", true}}};
    report.cells = {cell("poll", "v2", "busy"), cell("cost", "cost-a", "measured"),
                    cell("cost", "cost-b", "measured")};
    report.cells[1].samples["done"] = {{"unit", "ns"}, {"values", {300, 100, 200}}};
    report.cells[2].samples["done"] = {{"unit", "ns"}, {"values", {500, 300, 100}}};
    report.cells[2].samples["attach"] = {{"unit", "ns"}, {"values", {70}}};
    return report;
}

TEST(CostTable, ComparesTheMediansOfTwoKernels) {
    const std::string table = cost_table(cost_report());
    EXPECT_THAT(table, HasSubstr("vim2m done, ns"));
    EXPECT_THAT(table, HasSubstr("200 (120 to 280)"));
    EXPECT_THAT(table, HasSubstr("300 (140 to 460)"));
    EXPECT_THAT(table, HasSubstr("1.50\n"));
    // What only one kernel has is no ratio.
    EXPECT_THAT(table, testing::ContainsRegex("vim2m attach, ns +- +70 \\(70 to 70\\) +-\n"));
}

TEST(CostTable, IsEmptyWithoutAMeasurement) {
    Report report = cost_report();
    report.kernel_names = {"v2"};
    EXPECT_EQ(cost_table(report), "");
}

TEST(WithoutCost, LeavesTheKernelsThatShowSomething) {
    const Report rest = without_cost(cost_report());
    EXPECT_EQ(rest.kernel_names, std::vector<std::string>{"v2"});
    ASSERT_EQ(rest.cells.size(), 1U);
    EXPECT_EQ(rest.cells[0].kernel, "v2");
}

TEST(UnexpectedBlocks, NameExpectedSeenAndLog) {
    Report report;
    report.cells = {cell("poll", "v2", "ready"), cell("good", "v2", "fine")};
    report.cells[0].expected = "busy";
    report.cells[0].details["driver_bugs"] = {"rga: a stride"};
    report.cells[1].ok = true;
    const std::string text = unexpected_blocks(report);
    EXPECT_THAT(text, HasSubstr("poll/vim2m on v2\n  expected: busy\n  seen:     ready\n"));
    EXPECT_THAT(text, HasSubstr("boots/v2-01/console.log"));
    EXPECT_THAT(text, HasSubstr("board:    rga: a stride\n"));
    EXPECT_THAT(text, Not(HasSubstr("good")));
}

TEST(ToJson, HasTheFieldsThatThePageReads) {
    Report report;
    report.cells = {cell("poll", "v2", "busy")};
    report.cells[0].samples = {{"attach", {{"unit", "ns"}, {"values", {250, 260}}}}};
    const auto json = to_json(report);
    for (const char* field : {"versions", "kernels", "cells"}) EXPECT_TRUE(json.contains(field));
    for (const char* field : {"case", "driver", "kernel", "expected", "seen", "ok", "log",
                              "details", "samples", "artifacts"})
        EXPECT_TRUE(json["cells"][0].contains(field)) << field;
    EXPECT_EQ(json["cells"][0]["samples"]["attach"]["values"][1], 260);
}

}  // namespace
}  // namespace relfence::lab
