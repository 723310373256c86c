// SPDX-License-Identifier: MIT
// What drivers do is seen in the guest; here is what must hold on any machine.
#include <set>

#include <gtest/gtest.h>

#include "players/case_list.hpp"
#include "players/player.hpp"
#include "players/stream.hpp"

namespace relfence::players {
namespace {

TEST(FrameCases, AreNamedOnceAndSayWhatTheyCatch) {
    std::set<std::string> ids;
    for (const FrameCase& entry : frame_cases()) {
        EXPECT_TRUE(ids.insert(entry.id).second) << entry.id;
        EXPECT_FALSE(entry.title.empty()) << entry.id;
        EXPECT_FALSE(entry.catches.empty()) << entry.id;
        EXPECT_FALSE(entry.drivers.empty()) << entry.id;
        EXPECT_TRUE(entry.run) << entry.id;
    }
    EXPECT_EQ(frame_cases().back().id, "lockdep-stress");
}

// A kernel without the lab's groundwork has no such parameter: that is a skip, not a failure.
TEST(JobTime, SaysWhichParameterIsMissing) {
    const auto time = JobTime::set("no-such-driver", std::chrono::milliseconds{5});
    ASSERT_FALSE(time);
    EXPECT_EQ(time.error().code, ENOENT);
    EXPECT_EQ(time.error().subject, "/sys/module/no-such-driver/parameters/job_ms");
}

TEST(Stream, SaysWhichDeviceIsMissing) {
    const auto video = open_video("no-such-video-device");
    ASSERT_FALSE(video);
    EXPECT_EQ(video.error().subject, "no-such-video-device");
}

TEST(Player, RefusesWhatNoDriverPlays) {
    EXPECT_FALSE(open_player("no-such-driver", image::Layout::nv12, 4, 2));
    EXPECT_FALSE(open_player("visl", image::Layout::xrgb8888, 4, 2));
}

}  // namespace
}  // namespace relfence::players
