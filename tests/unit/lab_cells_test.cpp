// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <relfence/lab/case_run.hpp>

namespace relfence::lab {
namespace {

const CellId a{"a", "d"};
const CellId b{"b", "d"};
const CellId c{"c", "d"};

CaseLine start(const CellId& id) {
    CaseLine line;
    line.cell = id;
    return line;
}

CaseLine result(const CellId& id, const std::string& seen, const std::string& verdict = "seen") {
    CaseLine line;
    line.is_result = true;
    line.cell = id;
    line.verdict = verdict;
    line.seen = seen;
    return line;
}

TEST(SettleCells, ResultsAreCells) {
    BootHarvest boot;
    boot.lines = {start(a), result(a, "fence"),     start(b), result(b, "x", "skip"),
                  start(c), result(c, "x", "error")};
    boot.lines[3].reason = "no MMAP";
    boot.finished = true;
    const auto cells = settle_cells(boot, {a, b, c}, "v2");
    ASSERT_EQ(cells.size(), 3U);
    EXPECT_EQ(cells[0].seen, "fence");
    EXPECT_EQ(cells[1].verdict, Verdict::skip);
    EXPECT_EQ(cells[1].details["reason"], "no MMAP");
    EXPECT_EQ(cells[2].verdict, Verdict::error);
}

// Catches a crash that is blamed on the wrong cell or that takes the later cells with it.
TEST(SettleCells, ACrashBelongsToTheRunningCellAndTheRestIsLeft) {
    BootHarvest boot;
    boot.console.feed(
        "relfence: case a/d\nrelfence: case b/d\n"
        "Kernel panic - not syncing: Kernel mode fault at addr 0x20\n");
    boot.lines = {start(a), result(a, "fence"), start(b)};
    const auto cells = settle_cells(boot, {a, b, c}, "v1");
    ASSERT_EQ(cells.size(), 2U);
    EXPECT_EQ(cells[0].seen, "fence");
    EXPECT_EQ(cells[1].id, b);
    EXPECT_EQ(cells[1].seen, "oops");
}

TEST(SettleCells, ASplatGoesBeforeTheResultAndUnsettlesWhatCameAfter) {
    BootHarvest boot;
    boot.console.feed(
        "relfence: case a/d\nWARNING: possible circular locking dependency detected\n"
        "relfence: case b/d\n");
    boot.lines = {start(a), result(a, "clean"), start(b), result(b, "clean")};
    const auto cells = settle_cells(boot, {a, b}, "early");
    ASSERT_EQ(cells.size(), 1U) << "lockdep was off when b ran";
    EXPECT_EQ(cells[0].seen, "lockdep splat");
    EXPECT_EQ(cells[0].details["result"], "clean");
}

TEST(SettleCells, SilenceIsAResultAndAnEndWithoutOneIsAnError) {
    BootHarvest boot;
    boot.lines = {start(a)};
    boot.silent = true;
    EXPECT_EQ(settle_cells(boot, {a, b}, "v1").at(0).seen, "silent");
    boot.silent = false;
    EXPECT_EQ(settle_cells(boot, {a, b}, "v1").at(0).verdict, Verdict::error);
}

// Catches an endless loop of boots with a guest that never comes up.
TEST(SettleCells, AGuestThatNeverStartsSettlesEverything) {
    BootHarvest boot;
    boot.failure = "start relfence-cases: No such file or directory";
    const auto cells = settle_cells(boot, {a, b}, "v1");
    ASSERT_EQ(cells.size(), 2U);
    EXPECT_EQ(cells[1].verdict, Verdict::error);
    EXPECT_EQ(cells[1].details["reason"], boot.failure);
    EXPECT_TRUE(settle_cells(boot, {}, "v1").empty());
}

TEST(ParseCaseLines, ACrashMayCutTheLastLine) {
    std::size_t malformed = 0;
    const auto lines = parse_case_lines(
        R"({"type":"start","case":"a","driver":"d"}
{"type":"result","case":"a","driver":"d","verdict":"seen","seen":"x","samples":{"n":{"unit":"ns","values":[1]}},"artifacts":["f.png"]}
{"type":"start","case":"b)",
        &malformed);
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_FALSE(lines[0].is_result);
    EXPECT_EQ(lines[1].seen, "x");
    EXPECT_EQ(lines[1].samples["n"]["values"][0], 1);
    EXPECT_EQ(lines[1].artifacts.at(0), "f.png");
    EXPECT_EQ(malformed, 1U);
}

TEST(ChooseCells, GlobsAndDriversNarrow) {
    const std::vector<CaseInfo> cases{{"abort-close", "", "", {"vim2m", "visl"}},
                                      {"abort-kill", "", "", {"vim2m"}},
                                      {"poll", "", "", {"visl"}}};
    EXPECT_EQ(choose_cells(cases, {}, {}).size(), 4U);
    EXPECT_EQ(choose_cells(cases, {"abort-*"}, {"vim2m"}),
              (std::vector<CellId>{{"abort-close", "vim2m"}, {"abort-kill", "vim2m"}}));
    EXPECT_TRUE(choose_cells(cases, {"abort"}, {}).empty());
}

}  // namespace
}  // namespace relfence::lab
