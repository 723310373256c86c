// SPDX-License-Identifier: MIT
#include <algorithm>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <relfence/board/job.hpp>

#include "board_fakes.hpp"

namespace relfence::board {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t base = 0x1000;
constexpr std::size_t size = 1600;
constexpr std::byte pixel{0x5a};

struct Jobs : ::testing::Test {
    testing::SteppedTimeline time;
    testing::FakeMemory memory{base, size};
    testing::KeptLog log;
    JobPolicy policy;
    std::optional<JobRunner> runner;
    std::vector<JobEnd> ends;
    int spurious = 0;

    Jobs() { policy.duration = 16ms; }

    JobRunner& jobs() {
        if (!runner) runner.emplace("dev", Environment{memory, time, log}, policy);
        return *runner;
    }
    static MemoryWrites picture(std::uint64_t address = base, std::size_t bytes = size) {
        // Pieces of unlike sizes: shares end within them.
        MemoryWrites writes;
        for (std::size_t at = 0, piece = 7; at < bytes; at += piece, piece = piece * 3 % 101)
            writes.push_back({address + at, std::vector(std::min(piece, bytes - at), pixel)});
        return writes;
    }
    void start(Result<MemoryWrites> result = picture()) {
        jobs().start([result] { return result; }, [this](JobEnd end) { ends.push_back(end); },
                     [this] { ++spurious; });
    }
    void start_with(Fault fault, Result<MemoryWrites> result = picture()) {
        policy.fault = fault;
        start(std::move(result));
    }
    /// Bytes written; fails when there is a gap before the last one.
    std::size_t written() {
        const auto end = std::ranges::find(memory.bytes, std::byte{});
        EXPECT_TRUE(
            std::all_of(end, memory.bytes.end(), [](std::byte b) { return b == std::byte{}; }));
        return static_cast<std::size_t>(end - memory.bytes.begin());
    }
};

// Without a duration the computation writes as well: it is over when that is, and not before.
TEST_F(Jobs, WithoutADurationWriteAllInTheirComputation) {
    policy.duration = {};
    time.hold_computations = true;
    start();
    EXPECT_EQ(written(), 0U);
    EXPECT_THAT(ends, IsEmpty());
    time.finish_computations();
    EXPECT_EQ(written(), size);
    EXPECT_THAT(ends, ElementsAre(JobEnd::done));
}

// The reset came while it was computed: the driver may have given the memory to somebody else.
TEST_F(Jobs, WithoutADurationWriteNothingAfterAnAbort) {
    policy.duration = {};
    time.hold_computations = true;
    start();
    jobs().abort();
    time.finish_computations();
    EXPECT_EQ(written(), 0U);
    EXPECT_THAT(ends, IsEmpty());
}

// As with a duration: what fits is written, then comes the bus error.
TEST_F(Jobs, WithoutADurationEndAtAnAddressThatIsNotThere) {
    policy.duration = {};
    start(picture(base, size + 100));
    time.advance_to(1ms);
    EXPECT_THAT(ends, ElementsAre(JobEnd::bus_error));
    EXPECT_GT(written(), size / 2);
}

// A consumer that does not wait must see half a picture in the middle of the job.
TEST_F(Jobs, WriteTheirPictureFromTopToBottomOverTheirDuration) {
    start();
    EXPECT_EQ(written(), 0U);
    for (std::size_t step = 1; step < 16; ++step) {
        time.advance_to(step * 1ms - 1us);
        EXPECT_EQ(written(), size * (step - 1) / 16);
        time.advance_to(step * 1ms);
        EXPECT_EQ(written(), size * step / 16);
        EXPECT_TRUE(jobs().running());
    }
    EXPECT_THAT(ends, IsEmpty());
    time.advance_to(16ms);
    EXPECT_EQ(written(), size);
    EXPECT_THAT(ends, ElementsAre(JobEnd::done));
    EXPECT_FALSE(jobs().running());
    EXPECT_THAT(log.events, ElementsAre("dev: job 1 started", "dev: job 1 done"));
}

TEST_F(Jobs, WithoutADurationEndWhenTheyAreComputed) {
    policy.duration = 0ms;
    time.hold_computations = true;
    start();
    time.advance_to(1s);
    EXPECT_THAT(ends, IsEmpty());
    time.finish_computations();
    time.advance_to(1s);
    EXPECT_THAT(ends, ElementsAre(JobEnd::done));
    EXPECT_EQ(written(), size);
}

TEST_F(Jobs, ThatAreComputedForLongerThanTheirDurationCatchUp) {
    time.hold_computations = true;
    start();
    time.advance_to(10ms);
    time.finish_computations();
    time.advance_to(10ms);
    EXPECT_EQ(written(), size * 10 / 16);
    time.advance_to(16ms);
    EXPECT_THAT(ends, ElementsAre(JobEnd::done));
}

TEST_F(Jobs, MayWriteNothing) {
    start(MemoryWrites{});
    time.advance_to(16ms);
    EXPECT_THAT(ends, ElementsAre(JobEnd::done));
}

TEST_F(Jobs, AStartInMidJobIsADriversBug) {
    start();
    start();
    EXPECT_THAT(log.bugs, ElementsAre("dev: start while job 1 runs: ignored"));
    time.advance_to(1s);
    EXPECT_EQ(ends.size(), 1U);
    EXPECT_EQ(jobs().started(), 1U);
}

// The device's interrupt reaches the driver at once in virtual time: it starts the next job.
TEST_F(Jobs, TheEndMayStartTheNext) {
    jobs().start([] { return picture(); }, [this](JobEnd) { start(); }, [] {});
    time.advance_to(16ms);
    EXPECT_EQ(jobs().started(), 2U);
    EXPECT_THAT(log.bugs, IsEmpty());
    time.advance_to(32ms);
    EXPECT_EQ(ends.size(), 1U);
}

TEST_F(Jobs, AnAbortStopsWritingAndTellsNobody) {
    start();
    time.advance_to(4ms);
    jobs().abort();
    EXPECT_FALSE(jobs().running());
    time.advance_to(1s);
    EXPECT_EQ(written(), size / 4);
    EXPECT_THAT(ends, IsEmpty());
    EXPECT_THAT(log.events, Contains("dev: job 1 aborted"));
}

TEST_F(Jobs, AnAbortInMidComputationDropsItsResult) {
    time.hold_computations = true;
    start();
    jobs().abort();
    start();
    time.finish_computations();
    time.advance_to(16ms);
    EXPECT_EQ(ends.size(), 1U);
    EXPECT_EQ(std::ranges::count(log.events, "dev: job 1 done"), 0);
    EXPECT_EQ(std::ranges::count(log.events, "dev: job 2 done"), 1);
}

TEST_F(Jobs, AnAbortWithoutAJobDoesNothing) {
    jobs().abort();
    EXPECT_THAT(log.events, IsEmpty());
}

TEST_F(Jobs, ARunnerThatGoesInMidJobLeavesNothingBehind) {
    time.hold_computations = true;
    start();
    runner.reset();
    time.finish_computations();
    EXPECT_EQ(time.pending(), 0U);
    time.hold_computations = false;
    start();
    runner.reset();
    EXPECT_EQ(time.pending(), 0U);
}

// The engine stops where the bus does; what came before is written.
TEST_F(Jobs, AWriteOutsideOfMemoryIsABusErrorAndADriversBug) {
    start(picture(base + size / 2));
    time.advance_to(1s);
    EXPECT_THAT(ends, ElementsAre(JobEnd::bus_error));
    EXPECT_THAT(log.bugs, ElementsAre("dev: job 1: reach memory: Bad address"));
    EXPECT_EQ(std::ranges::count(memory.bytes, pixel), static_cast<long>(size / 2));
}

TEST_F(Jobs, AReadOutsideOfMemoryIsABusErrorAndADriversBug) {
    start(fail_errno("read", "stream", EFAULT));
    EXPECT_THAT(ends, IsEmpty());
    time.advance_to(8ms);
    EXPECT_THAT(ends, ElementsAre(JobEnd::bus_error));
    EXPECT_THAT(log.bugs, ElementsAre("dev: job 1: read stream: Bad address"));
}

TEST_F(Jobs, AnyOtherErrorIsTheStreamsAndNoDriversBug) {
    start(fail("is truncated", "stream"));
    time.advance_to(8ms);
    EXPECT_THAT(ends, ElementsAre(JobEnd::error));
    EXPECT_THAT(log.bugs, IsEmpty());
    EXPECT_THAT(log.events, Contains("dev: job 1: stream: is truncated"));
}

TEST_F(Jobs, AHangNeverFinishesButCanBeAborted) {
    start_with(Fault::hang);
    time.advance_to(1h);
    EXPECT_EQ(written(), size / 2);
    EXPECT_TRUE(jobs().running());
    jobs().abort();
    EXPECT_FALSE(jobs().running());
    time.advance_to(2h);
    EXPECT_THAT(ends, IsEmpty());
}

TEST_F(Jobs, AHangHangsOnABadStreamToo) {
    start_with(Fault::hang, fail("is truncated", "stream"));
    time.advance_to(1h);
    EXPECT_TRUE(jobs().running());
}

TEST_F(Jobs, ALateOneFinishesLate) {
    start_with(Fault::late);
    time.advance_to(5s);
    EXPECT_EQ(written(), size / 2);
    EXPECT_THAT(ends, IsEmpty());
    time.advance_to(5s + 16ms);
    EXPECT_EQ(written(), size);
    EXPECT_THAT(ends, ElementsAre(JobEnd::done));
}

TEST_F(Jobs, ALateOneThatIsAbortedNeverFinishes) {
    start_with(Fault::late);
    time.advance_to(2s);
    jobs().abort();
    time.advance_to(1h);
    EXPECT_THAT(ends, IsEmpty());
}

TEST_F(Jobs, AnErrorStatusComesHalfWay) {
    start_with(Fault::error_status);
    time.advance_to(8ms);
    EXPECT_THAT(ends, ElementsAre(JobEnd::error));
    EXPECT_EQ(written(), size / 2);
}

TEST_F(Jobs, ABusErrorByFaultIsNoDriversBug) {
    start_with(Fault::bus_error);
    time.advance_to(8ms);
    EXPECT_THAT(ends, ElementsAre(JobEnd::bus_error));
    EXPECT_THAT(log.bugs, IsEmpty());
}

TEST_F(Jobs, ASpuriousInterruptComesBeforeTheRealOne) {
    start_with(Fault::spurious);
    time.advance_to(15ms);
    EXPECT_EQ(spurious, 1);
    EXPECT_THAT(ends, IsEmpty());
    time.advance_to(1s);
    EXPECT_EQ(spurious, 1);
    EXPECT_THAT(ends, ElementsAre(JobEnd::done));
}

TEST_F(Jobs, ALateInterruptComesAfterTheResetInTheNextJob) {
    policy.faults = {{1, Fault::late_interrupt}};
    start();
    time.advance_to(2s);
    EXPECT_THAT(ends, IsEmpty());
    jobs().abort();
    start();
    time.advance_to(2s + 7ms);
    EXPECT_THAT(ends, IsEmpty());
    time.advance_to(2s + 8ms);
    EXPECT_THAT(ends, ElementsAre(JobEnd::done));
    EXPECT_TRUE(jobs().running());
    time.advance_to(2s + 16ms);
    EXPECT_EQ(ends.size(), 2U);
}

TEST_F(Jobs, ALateInterruptDoesNotOutliveItsRunner) {
    start_with(Fault::late_interrupt);
    time.advance_to(2s);
    jobs().abort();
    EXPECT_EQ(time.pending(), 1U);
    runner.reset();
    EXPECT_EQ(time.pending(), 0U);
}

TEST_F(Jobs, FaultsAreChosenByTheNumberOfTheJob) {
    policy.faults = {{2, Fault::error_status}};
    for (int i = 1; i <= 3; ++i) {
        start();
        time.advance_to(i * 1s);
    }
    EXPECT_THAT(ends, ElementsAre(JobEnd::done, JobEnd::error, JobEnd::done));
    policy.fault = Fault::hang;
    EXPECT_EQ(policy.for_job(1), Fault::hang);
    EXPECT_EQ(policy.for_job(2), Fault::error_status);
}

}  // namespace
}  // namespace relfence::board
