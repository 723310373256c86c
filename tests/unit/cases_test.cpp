// SPDX-License-Identifier: MIT
// What drivers do is seen in the guest; here is what must hold on any machine.
#include <set>

#include <gtest/gtest.h>

#include "cases/case_list.hpp"
#include "cases/seen.hpp"
#include "players/player.hpp"

namespace relfence::cases {
namespace {

TEST(AllCases, AreNamedOnceAndSayWhatTheyCatch) {
    std::set<std::string> ids;
    for (const Case& entry : all_cases()) {
        EXPECT_TRUE(ids.insert(entry.id).second) << entry.id;
        EXPECT_FALSE(entry.title.empty()) << entry.id;
        EXPECT_FALSE(entry.catches.empty()) << entry.id;
        EXPECT_FALSE(entry.drivers.empty()) << entry.id;
        EXPECT_TRUE(entry.run) << entry.id;
    }
    EXPECT_EQ(all_cases().back().id, "lockdep-stress");
}

// A kernel without the lab's groundwork has no such parameter: that is a skip, not a failure.
TEST(JobTime, SaysWhichParameterIsMissing) {
    const auto time = players::JobTime::set("no-such-driver", std::chrono::milliseconds{5});
    ASSERT_FALSE(time);
    EXPECT_EQ(time.error().code, ENOENT);
    EXPECT_EQ(time.error().subject, "/sys/module/no-such-driver/parameters/job_ms");
}

TEST(Player, RefusesWhatNoDriverPlays) {
    EXPECT_FALSE(players::open_player("no-such-driver", image::Layout::nv12, 4, 2));
    EXPECT_FALSE(players::open_player("visl", image::Layout::xrgb8888, 4, 2));
}

TEST(Jobs, RefuseWhatNoDriverDoes) {
    const auto jobs = players::open_jobs("no-such-driver", 1, {}, std::chrono::milliseconds{5});
    ASSERT_FALSE(jobs);
    EXPECT_EQ(jobs.error().subject, "no-such-driver");
}

// What is compared with lab/cases.json must be the same in each run, and say what is wrong.
TEST(Seen, NamesFencesWithoutTheNumbersOfARun) {
    EXPECT_EQ(describe({{"stub", "stub", 1, 5}}), "no fence");
    EXPECT_EQ(describe({{"visl", "vb2-cap-71", 0, 0}}), "visl vb2-cap-N, active");
    EXPECT_EQ(describe({{"visl", "vb2-cap-72", 1, 9}}), "visl vb2-cap-N, signalled");
    EXPECT_EQ(describe({{"visl", "vb2-cap-72", -EIO, 9}}), "visl vb2-cap-N, signalled with EIO");
    EXPECT_EQ(describe({{"sw_sync", "timeline 3a", 0, 0}}), "sw_sync timeline 3a, active");
    EXPECT_EQ(whose({{"a", "x", 0, 0}, {"b", "y", 1, 0}}), "a x + b y");
}

}  // namespace
}  // namespace relfence::cases
