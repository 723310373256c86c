// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <relfence/lab/build_progress.hpp>
#include <relfence/lab/progress.hpp>

namespace relfence::lab {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

ProgressState state(std::size_t done, std::size_t expected, seconds elapsed) {
    return {"v2", done, expected, elapsed};
}

TEST(RemainingTime, FollowsThePaceSoFar) {
    EXPECT_EQ(remaining_time(state(10, 40, seconds{20})), seconds{60});
    EXPECT_EQ(remaining_time(state(40, 40, seconds{20})), seconds{0});
    EXPECT_EQ(remaining_time(state(50, 40, seconds{20})), seconds{0});
}

TEST(RemainingTime, SaysNothingWhileNothingIsKnown) {
    EXPECT_LT(remaining_time(state(2, 40, seconds{20})), seconds{0});
    EXPECT_LT(remaining_time(state(10, 40, seconds{1})), seconds{0});
    EXPECT_LT(remaining_time(state(10, 0, seconds{20})), seconds{0});
}

TEST(ProgressLine, FitsTheWidthAndNeverCountsBackwards) {
    for (const std::size_t width : {20U, 40U, 80U, 200U})
        EXPECT_LE(progress_line(state(10, 40, seconds{20}), "objects", width).size(), width);
    EXPECT_THAT(progress_line(state(50, 40, seconds{20}), "objects", 80),
                HasSubstr("50/50 objects, 0:00 left"));
    EXPECT_THAT(progress_line(state(10, 40, seconds{20}), "objects", 80),
                HasSubstr("[##########....."));
}

TEST(FormatDuration, MinutesAndHours) {
    EXPECT_EQ(format_duration(seconds{7}), "0:07");
    EXPECT_EQ(format_duration(seconds{754}), "12:34");
    EXPECT_EQ(format_duration(seconds{3723}), "1:02:03");
}

struct Screen {
    std::string text;
    milliseconds now{0};
    Progress::Clock clock() {
        return [this] { return now; };
    }
    Progress::Sink sink() {
        return [this](std::string_view part) { text += part; };
    }
};

TEST(Progress, PlainLinesAtEachTenthWithoutATerminal) {
    Screen screen;
    Progress progress{"v2", "objects", 100, false, 80, screen.clock(), screen.sink()};
    for (int i = 0; i < 100; ++i) {
        screen.now += milliseconds{100};
        progress.step();
    }
    EXPECT_EQ(std::count(screen.text.begin(), screen.text.end(), '\n'), 11);
    EXPECT_THAT(screen.text, Not(HasSubstr("\x1b")));
    EXPECT_THAT(screen.text, HasSubstr("v2 50/100 objects, 0:05 left\n"));
}

TEST(Progress, OneLineOnATerminalAndItIsTakenAway) {
    Screen screen;
    {
        Progress progress{"v2", "objects", 100, true, 60, screen.clock(), screen.sink()};
        for (int i = 0; i < 100; ++i) {
            screen.now += milliseconds{1};  // faster than an eye: not one write for each step
            progress.step();
        }
    }
    EXPECT_EQ(std::count(screen.text.begin(), screen.text.end(), '\n'), 0);
    EXPECT_LE(std::count(screen.text.begin(), screen.text.end(), '\r'), 4);
    EXPECT_TRUE(screen.text.ends_with("\r\x1b[K"));
}

/// Two builds at the same time, seen as plain lines.
class TwoBuilds : public testing::Test {
  protected:
    Screen screen;
    BuildProgress progress{[this](const std::string& title, std::size_t expected) {
        return std::make_unique<Progress>(title, "objects", expected, false, 80, screen.clock(),
                                          screen.sink());
    }};
    std::size_t baseline = progress.add("baseline", 80);
    std::size_t v2 = progress.add("v2", 50);
};

TEST_F(TwoBuilds, NamesThoseThatRunAndCountsAll) {
    progress.start(baseline);
    EXPECT_EQ(screen.text, "baseline 0/130 objects, 0:00\n");
    for (int i = 0; i < 20; ++i) progress.step(baseline);
    progress.start(v2);
    progress.expect(v2, "v2 (from baseline)", 20);
    screen.text.clear();
    for (int i = 0; i < 10; ++i) progress.step(v2);
    EXPECT_EQ(screen.text, "baseline, v2 30/100 objects, 0:00\n");
}

// A build that compiled less than was thought would leave a line that never gets to its end.
TEST_F(TwoBuilds, KnowsHowManyThereWereOnceABuildHasEnded) {
    progress.start(baseline);
    progress.start(v2);
    for (int i = 0; i < 3; ++i) progress.step(v2);
    EXPECT_EQ(progress.end(v2), 3U);
    screen.text.clear();
    for (int i = 0; i < 80; ++i) progress.step(baseline);
    EXPECT_TRUE(screen.text.ends_with("baseline 83/83 objects, 0:00\n")) << screen.text;
}

TEST_F(TwoBuilds, NothingIsShownWhenNoneHasToBeBuilt) {
    progress.tick();
    progress.clear();
    EXPECT_EQ(screen.text, "");
}

}  // namespace
}  // namespace relfence::lab
