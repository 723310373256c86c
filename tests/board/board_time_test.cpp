// SPDX-License-Identifier: MIT
#include <atomic>
#include <future>
#include <poll.h>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <relfence/board/real_time.hpp>

namespace relfence::board {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Clock : ::testing::Test {
    std::unique_ptr<RealTime> time = *RealTime::create();
    std::vector<int> calls;

    /// Waits for the clock and lets it work until @p enough.
    void run_until(const std::function<bool()>& enough) {
        while (!enough()) {
            pollfd fd{time->fd(), POLLIN, 0};
            ASSERT_EQ(::poll(&fd, 1, -1), 1);
            time->on_readable();
        }
    }
};

TEST_F(Clock, CallsInTheOrderOfTimeNotOfAsking) {
    const auto now = time->now();
    time->at(now + 2ms, [this] { calls.push_back(2); });
    time->at(now + 1ms, [this] { calls.push_back(1); });
    time->at(now + 2ms, [this] { calls.push_back(3); });
    run_until([this] { return calls.size() == 3; });
    EXPECT_THAT(calls, ElementsAre(1, 2, 3));
    EXPECT_GE(time->now(), now + 2ms);
}

TEST_F(Clock, NeverCallsTooEarly) {
    const auto due = time->now() + 3ms;
    Nanoseconds called{};
    time->at(due, [&] { called = time->now(); });
    run_until([&] { return called > Nanoseconds{}; });
    EXPECT_GE(called, due);
}

TEST_F(Clock, ATimeThatIsOverComesAtOnce) {
    time->at(Nanoseconds{-1}, [this] { calls.push_back(1); });
    run_until([this] { return calls.size() == 1; });
}

TEST_F(Clock, WhatIsCancelledIsNotCalled) {
    const auto id = time->at(time->now() + 1ms, [this] { calls.push_back(1); });
    time->at(time->now() + 2ms, [this] { calls.push_back(2); });
    time->cancel(id);
    time->cancel(id + 100);
    run_until([this] { return !calls.empty(); });
    EXPECT_THAT(calls, ElementsAre(2));
}

TEST_F(Clock, AnEventMayCancelOneThatIsDueWithIt) {
    Timeline::Id second = 0;
    time->at(Nanoseconds{}, [&] {
        calls.push_back(1);
        time->cancel(second);
    });
    second = time->at(Nanoseconds{}, [this] { calls.push_back(2); });
    time->at(Nanoseconds{}, [this] { calls.push_back(3); });
    run_until([this] { return calls.size() == 2; });
    EXPECT_THAT(calls, ElementsAre(1, 3));
}

// A guest must be served between the steps of a job without a duration.
TEST_F(Clock, WhatAnEventAsksForAtOnceComesWithTheNextCall) {
    time->at(Nanoseconds{}, [this] {
        calls.push_back(1);
        time->at(Nanoseconds{}, [this] { calls.push_back(2); });
    });
    pollfd fd{time->fd(), POLLIN, 0};
    ASSERT_EQ(::poll(&fd, 1, -1), 1);
    time->on_readable();
    EXPECT_THAT(calls, ElementsAre(1));
    run_until([this] { return calls.size() == 2; });
}

TEST_F(Clock, ComputesElsewhereAndTellsHere) {
    std::thread::id worked, told;
    time->compute([&] { worked = std::this_thread::get_id(); },
                  [&] { told = std::this_thread::get_id(); });
    run_until([&] { return told != std::thread::id{}; });
    EXPECT_EQ(told, std::this_thread::get_id());
    EXPECT_NE(worked, told);
    EXPECT_NE(worked, std::thread::id{});
}

TEST_F(Clock, EventsComeDuringAComputation) {
    std::promise<void> release;
    bool told = false;
    time->compute([&] { release.get_future().wait(); }, [&] { told = true; });
    time->at(Nanoseconds{}, [this] { calls.push_back(1); });
    run_until([this] { return !calls.empty(); });
    EXPECT_FALSE(told);
    release.set_value();
    run_until([&] { return told; });
}

// What a computation reads goes after drain(): it must have ended, and nobody may be told.
TEST_F(Clock, ADrainEndsAllComputations) {
    std::promise<void> begun, release;
    std::atomic<bool> ended = false, second = false;
    time->compute(
        [&] {
            begun.set_value();
            release.get_future().wait();
            ended = true;
        },
        [this] { calls.push_back(1); });
    time->compute([&] { second = true; }, [this] { calls.push_back(2); });
    begun.get_future().wait();
    std::thread releasing{[&] { release.set_value(); }};
    time->drain();
    EXPECT_TRUE(ended);
    // It may have begun if the first was released early; then it has ended, too.
    const bool second_ended = second;
    releasing.join();
    time->at(Nanoseconds{}, [this] { calls.push_back(3); });
    run_until([this] { return !calls.empty(); });
    EXPECT_THAT(calls, ElementsAre(3));
    EXPECT_EQ(second, second_ended);
}

TEST_F(Clock, MayGoWithEventsAndComputationsLeft) {
    time->at(time->now() + 1h, [] { FAIL(); });
    time->compute([] {}, [] { FAIL(); });
    time.reset();
}

}  // namespace
}  // namespace relfence::board
