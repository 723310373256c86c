// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace relfence::lab
