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

const char* const two_marks =
    "[    0.100000] relfence: case a/d\n[    0.500000] relfence: case b/d\n";

// Catches a driver bug that only the board's log knows of, and one that is told of another cell.
TEST(SettleCells, WhatTheBoardSawGoesBeforeTheResultAndSpoilsNothing) {
    using std::chrono::milliseconds;
    BootHarvest boot;
    boot.console.feed(two_marks);
    boot.lines = {start(a), result(a, "done"), start(b), result(b, "done")};
    boot.bugs = {{milliseconds{120}, "rga: x"}, {milliseconds{130}, "rga: y"}};
    const auto cells = settle_cells(boot, {a, b}, "v2");
    ASSERT_EQ(cells.size(), 2U);
    EXPECT_EQ(cells[0].seen, "driver bug: rga: x (and 1 more)");
    EXPECT_EQ(cells[0].details["result"], "done");
    EXPECT_EQ(cells[0].details["driver_bugs"], (std::vector<std::string>{"rga: x", "rga: y"}));
    EXPECT_EQ(cells[1].seen, "done");
    EXPECT_FALSE(cells[1].details.contains("driver_bugs"));
}

TEST(SettleCells, WhatTheBoardSawHidesNeitherACrashNorABrokenTool) {
    BootHarvest boot;
    boot.console.feed(two_marks);
    boot.console.feed("[    0.510000] Kernel panic - not syncing: BUG!\n");
    boot.lines = {start(a), result(a, "x", "error"), start(b)};
    boot.bugs = {{std::chrono::milliseconds{120}, "rga: x"},
                 {std::chrono::milliseconds{505}, "vdpu: y"}};
    const auto cells = settle_cells(boot, {a, b}, "v2");
    ASSERT_EQ(cells.size(), 2U);
    EXPECT_EQ(cells[0].verdict, Verdict::error);
    EXPECT_EQ(cells[0].details["driver_bugs"][0], "rga: x");
    EXPECT_EQ(cells[1].seen, "panic");
    EXPECT_EQ(cells[1].details["driver_bugs"][0], "vdpu: y");
}

TEST(ParseDriverBugs, FindsThemAmongTheEvents) {
    const auto bugs = parse_driver_bugs(
        "    0.110009 board: switched on by a guest\n"
        "    0.130122 rga: driver bug: source: rows of 34 bytes\n"
        "   10.500000 vdpu: driver bug: bit 7 of swreg57\n"
        "    0.130122 rga: job: driver bug: no engine has a colon in its name\n"
        "driver bug: no line of a board\n"
        "    0.2 rga: driver bug: cut");
    ASSERT_EQ(bugs.size(), 2U);
    EXPECT_EQ(bugs[0].time, std::chrono::microseconds{130'122});
    EXPECT_EQ(bugs[0].text, "rga: source: rows of 34 bytes");
    EXPECT_EQ(bugs[1].time, std::chrono::microseconds{10'500'000});
    EXPECT_EQ(describe({"rga: x"}), "driver bug: rga: x");
}

}  // namespace
}  // namespace relfence::lab
