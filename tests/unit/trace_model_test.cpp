// SPDX-License-Identifier: MIT
// The model of a trace, and what it says in words: from sequences of events to findings.
#include <linux/dma-buf.h>
#include <poll.h>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <relfence/trace/findings.hpp>
#include <relfence/trace/reorder.hpp>

#include "trace_events.hpp"

namespace relfence::trace {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

std::vector<std::string> texts(const std::vector<Finding>& findings) {
    std::vector<std::string> all;
    for (const Finding& finding : findings) all.push_back(finding.text);
    return all;
}

auto wrong() {
    return testing::ResultOf([](const Finding& finding) { return finding.wrong(); },
                             testing::IsTrue());
}

/// One frame of buffer 0, whose dma-buf has inode 40: with the driver from 102 to 5000 us.
Script one_frame() {
    Script script;
    script.exported(50, 0, 40);
    script.queue(100, 0);
    return script;
}

TEST(TraceModel, FollowsABufferThroughItsQueue) {
    Script script = one_frame();
    script.finish(5000, 0);
    script.dequeue(5100, 0);
    const Model model = script.model();
    ASSERT_EQ(model.queues().size(), 1U);
    const Queue& queue = model.queues()[0];
    EXPECT_EQ(queue.name(model.devices()), "video0 CAPTURE");
    EXPECT_EQ(model.producer(queue), "video0 (decoder)");
    ASSERT_EQ(queue.frames.size(), 1U);
    const Frame& frame = queue.frames[0];
    EXPECT_EQ(frame.number, 1U);
    EXPECT_EQ(frame.ino, 40U);
    EXPECT_EQ(frame.queued, 101'000U);
    EXPECT_EQ(frame.given, 102'000U);
    EXPECT_EQ(frame.done, 5'000'000U);
    EXPECT_EQ(frame.dequeued, 5'100'000U);
    EXPECT_EQ(frame.started, std::nullopt) << "nothing says when, without a fence";
    EXPECT_EQ(model.strange(), 0U);
}

// vb2_buffer_done() signals the fence and then traces vb2_buf_done, on the same processor.
TEST(TraceModel, AFenceBelongsToTheFrameThatIsDoneNextOnItsProcessor) {
    Script script;
    script.queue(100, 0);
    script.queue(110, 1);
    script.fence(Kind::fence_init, 200, 1);
    script.fence(Kind::fence_signaled, 900, 1).cpu = 2;
    // Another processor's buffer is not meant.
    script.vb2(Kind::vb2_buf_done, 901, 1).cpu = 1;
    script.vb2(Kind::vb2_buf_done, 902, 0).cpu = 2;
    const Model model = script.model();
    const auto& frames = model.queues()[0].frames;
    ASSERT_EQ(frames.size(), 2U);
    EXPECT_EQ(frames[0].fence, (FenceId{7, 1}));
    EXPECT_EQ(frames[0].started, 200'000U);
    EXPECT_EQ(frames[0].signaled, 900'000U);
    EXPECT_EQ(frames[1].fence, std::nullopt);
    EXPECT_EQ(model.queues()[0].driver, "decoder");
}

// Fences of displays and GPUs are nobody's frame.
TEST(TraceModel, OnlyFencesOfVideobuf2BelongToFrames) {
    Script script = one_frame();
    script.fence(Kind::fence_init, 200, 1).timeline = "CRTC:38-crtc-0";
    script.fence(Kind::fence_signaled, 4999, 1).timeline = "CRTC:38-crtc-0";
    script.finish(5000, 0);
    EXPECT_EQ(script.model().queues()[0].frames[0].fence, std::nullopt);
}

TEST(TraceFindings, AReadBeforeTheEndIsSaidWithItsTime) {
    Script script = one_frame();
    script.call(Kind::call_cpu_start, 1899, 40, DMA_BUF_SYNC_READ);
    script.call(Kind::call_cpu_started, 1900, 40, DMA_BUF_SYNC_READ);
    script.call(Kind::call_cpu_end, 2500, 40, DMA_BUF_SYNC_READ | DMA_BUF_SYNC_END);
    script.finish(5000, 0);
    const auto findings = find(script.model());
    ASSERT_FALSE(findings.empty());
    EXPECT_EQ(findings[0].verdict, Verdict::read_early);
    EXPECT_EQ(findings[0].text,
              "video0 CAPTURE: frame 1: player read 3.1 ms before video0 (decoder) finished");
    EXPECT_THAT(findings[0].frames, ElementsAre(1U));
    EXPECT_DOUBLE_EQ(findings[0].milliseconds, 3.1);
}

// The negative control of the test above: the same read, after the fence let it.
TEST(TraceFindings, AReaderWhoWaitedIsNotWrong) {
    Script script = one_frame();
    script.fence(Kind::fence_init, 200, 1);
    script.call(Kind::call_cpu_start, 1899, 40, DMA_BUF_SYNC_READ);
    script.fence(Kind::fence_signaled, 4999, 1, 0);
    script.finish(5000, 0);
    script.call(Kind::call_cpu_started, 5010, 40, DMA_BUF_SYNC_READ);
    script.call(Kind::call_cpu_end, 5500, 40, DMA_BUF_SYNC_READ | DMA_BUF_SYNC_END);
    const auto findings = find(script.model());
    EXPECT_THAT(findings, Not(Contains(wrong())));
    EXPECT_THAT(texts(findings),
                ElementsAre("video0 CAPTURE: 1 of 1 finished frames had a fence of decoder, waited "
                            "for by player"));
}

// A write that begins early is the client's own affair, and a poll that timed out was no answer.
TEST(TraceFindings, NeitherWritesNorTimeoutsAreReads) {
    Script script = one_frame();
    script.call(Kind::call_cpu_start, 1000, 40, DMA_BUF_SYNC_WRITE);
    script.call(Kind::call_cpu_started, 1001, 40, DMA_BUF_SYNC_WRITE);
    script.call(Kind::call_poll, 1100, 40);
    script.call(Kind::call_poll_end, 2100, 40, 0);
    script.finish(5000, 0);
    EXPECT_THAT(find(script.model()), Not(Contains(wrong())));
}

// Never claims what was not observed: nobody knows when this frame was finished.
TEST(TraceFindings, AFrameThatWasNotSeenToEndHasNoEarlyReader) {
    Script script = one_frame();
    script.call(Kind::call_poll, 1100, 40);
    script.call(Kind::call_poll_end, 1101, 40, POLLIN);
    EXPECT_THAT(find(script.model()), IsEmpty());
}

TEST(TraceFindings, BeingToldIsNotReading) {
    Script script = one_frame();
    script.call(Kind::call_poll, 1100, 40);
    script.call(Kind::call_poll_end, 1101, 40, POLLIN);
    script.finish(5000, 0);
    const auto findings = find(script.model());
    EXPECT_EQ(findings[0].verdict, Verdict::told_early);
    EXPECT_THAT(findings[0].text, HasSubstr("was told by poll() that the frame is ready 3.9 ms"));
}

TEST(TraceFindings, FramesOfOneConsumerAreOneSentence) {
    Script script;
    script.exported(50, 0, 40);
    for (Time turn = 0; turn < 40; ++turn) {
        const Time start = 100 + turn * 10'000;
        script.queue(start, 0);
        if (turn == 11 || turn == 39) {
            script.call(Kind::call_cpu_start, start + 1000, 40, DMA_BUF_SYNC_READ);
            script.call(Kind::call_cpu_started, start + 1001, 40, DMA_BUF_SYNC_READ);
            script.call(Kind::call_cpu_end, start + 1002, 40, DMA_BUF_SYNC_END);
        }
        script.finish(start + 5000, 0);
        script.dequeue(start + 5100, 0);
    }
    EXPECT_THAT(texts(find(script.model())),
                Contains("video0 CAPTURE: frames 12, 40: player read up to 4.0 ms before video0 "
                         "(decoder) finished"));
}

// A second device: it certainly read too early when its whole job ended before the producer's.
class DeviceReader : public testing::Test {
  protected:
    /// @param reader_done when the reader's job ends, us; the producer's ends at 5000
    static Model read(Time reader_done) {
        Script script = one_frame();
        script.device(1, "video1 (scaler)");
        script.about_to_queue(1000, 3, Script::output, 40, 1, 6);
        script.vb2(Kind::vb2_qbuf, 1001, 3, Script::output, 2);
        script.vb2(Kind::vb2_buf_queue, 1002, 3, Script::output, 2);
        if (reader_done < 5000) script.finish(reader_done, 3, Script::output, 2);
        script.finish(5000, 0);
        if (reader_done >= 5000) script.finish(reader_done, 3, Script::output, 2);
        return script.model();
    }
};

TEST_F(DeviceReader, ThatEndedFirstHasReadTooEarly) {
    const auto findings = find(read(3000));
    EXPECT_EQ(findings[0].verdict, Verdict::read_early);
    EXPECT_THAT(findings[0].text, HasSubstr("video1 (scaler) read 4.0 ms before"));
}

TEST_F(DeviceReader, ThatEndedLaterMayHaveRead) {
    const auto findings = find(read(9000));
    EXPECT_EQ(findings[0].verdict, Verdict::told_early);
    EXPECT_THAT(findings[0].text,
                HasSubstr("video1 (scaler) was given the frame to read 4.0 ms before"));
}

/// A frame that is queued again at 6000 ns, while a reader's fence is pending until 7201 ns.
Script queued_while_reader_pends() {
    Script script = one_frame();
    script.finish(5000, 0);
    script.dequeue(5100, 0);
    script.fence(Kind::fence_init, 5200, 9).timeline = "gpu-ring";
    script.events.back().driver = "gpu";
    Event& import = script.call(Kind::call_import_sync, 5300, 40, DMA_BUF_SYNC_READ);
    import.driver = "gpu";
    import.timeline = "gpu-ring";
    script.queue(6000, 0);
    script.fence(Kind::fence_signaled, 7201, 9, 0).timeline = "gpu-ring";
    return script;
}

TEST(TraceFindings, ABufferThatIsQueuedWhileAReadersFenceIsPending) {
    Script script = queued_while_reader_pends();
    const auto findings = find(script.model());
    ASSERT_FALSE(findings.empty());
    EXPECT_EQ(findings[0].verdict, Verdict::requeued);
    EXPECT_EQ(findings[0].text,
              "video0 CAPTURE: frame 2: queued again while player's fence (gpu) was pending (1.2 "
              "ms)");
}

// The control: a driver that waits for the reader before it starts overwrites nothing.
TEST(TraceFindings, ADriverThatWaitsForTheReaderIsNotWrong) {
    Script script = queued_while_reader_pends();
    script.fence(Kind::fence_init, 7300, 1);
    script.fence(Kind::fence_signaled, 9000, 1, 0);
    script.finish(9001, 0);
    EXPECT_THAT(find(script.model()), Not(Contains(wrong())));
}

TEST(TraceFindings, AnEmptyPoolSaysHowLongAndWhoHoldsIt) {
    Script script;
    script.process(200, "kwin_wayland", 40);
    script.process(200, "kwin_wayland", 41);
    for (std::uint32_t index = 0; index < 2; ++index) {
        script.exported(10 + index, index, 40 + index);
        script.queue(100 + 10 * index, index);
    }
    script.queue(200, 0, Script::output);
    script.queue(210, 1, Script::output);
    script.queue(220, 2, Script::output);
    for (std::uint32_t index = 0; index < 2; ++index) {
        script.finish(1000 + 10 * index, index);
        script.finish(1001 + 10 * index, index, Script::output);
        script.dequeue(1002 + 10 * index, index);
    }
    script.queue(42'010, 0);
    const auto findings = find(script.model());
    EXPECT_THAT(texts(findings),
                Contains("video0 CAPTURE: pool of 2 empty for 41 ms, held by kwin_wayland"));
    EXPECT_THAT(texts(find(script.model(), 50'000'000)), Not(Contains(HasSubstr("empty"))));
}

// Nothing to decode is no drought.
TEST(TraceFindings, APoolWithoutWorkIsNotEmpty) {
    Script script = one_frame();
    script.finish(1000, 0);
    script.dequeue(1001, 0);
    script.queue(90'000, 0);
    EXPECT_THAT(texts(find(script.model())), Not(Contains(HasSubstr("empty"))));
}

TEST(TraceFindings, LostEventsAreSaid) {
    Script script = one_frame();
    script.add(Kind::lost, 300, 0).value = 17;
    script.finish(5000, 0);
    EXPECT_THAT(texts(find(script.model())), Contains(HasSubstr("17 events were lost")));
}

// The kernel gives the memory of a closed file to the next one.
TEST(TraceModel, AnotherDeviceWithTheSameOwnerIsAnotherQueue) {
    for (const bool observed : {true, false}) {
        Script script;
        script.device(1, "video1 (scaler)");
        script.vb2(Kind::vb2_qbuf, 100, 0);
        script.add(Kind::v4l2_qbuf, 101).minor = 0;
        script.events.back().type = Script::capture;
        if (observed) script.about_to_queue(199, 0, Script::capture, 0, 1, 5);
        script.vb2(Kind::vb2_qbuf, 200, 0);
        script.add(Kind::v4l2_qbuf, 201).minor = 1;
        script.events.back().type = Script::capture;
        const Model model = script.model();
        ASSERT_EQ(model.queues().size(), 2U) << observed;
        EXPECT_EQ(model.queues()[0].minor, 0);
        EXPECT_EQ(model.queues()[1].minor, 1);
        EXPECT_EQ(model.queues()[0].frames.size(), 1U);
        ASSERT_EQ(model.queues()[1].frames.size(), 1U);
        EXPECT_EQ(model.queues()[1].frames[0].number, 1U);
    }
}

// A trace that begins in the middle: nothing is made up, and it is said that something is missing.
TEST(TraceModel, EventsOfUnknownBuffersAreCountedOnly) {
    Script script;
    script.finish(100, 3);
    script.dequeue(110, 3);
    script.fence(Kind::fence_wait_end, 120, 5);
    script.fence(Kind::fence_destroy, 130, 6);
    script.call(Kind::call_cpu_end, 140, 99);
    const Model model = script.model();
    EXPECT_EQ(model.strange(), 2U);
    EXPECT_THAT(texts(find(model)), Contains(HasSubstr("fit no buffer")));
}

// Whatever comes in whatever order: no crash, no frame without a number, no end before its start
// in what is said.
TEST(TraceModel, TakesAnySequence) {
    std::mt19937 random{1};
    const auto at_most = [&](unsigned most) {
        return static_cast<unsigned>(random() % (most + 1));
    };
    for (int round = 0; round < 200; ++round) {
        Model model;
        for (int i = 0; i < 400; ++i) {
            Event event;
            event.kind = static_cast<Kind>(at_most(kinds - 1));
            event.time = at_most(20) == 0 ? random() : static_cast<Time>(i) * 1000 + at_most(5000);
            event.pid = static_cast<int>(at_most(3));
            event.tgid = static_cast<int>(at_most(2));
            event.cpu = static_cast<int>(at_most(1));
            event.owner = at_most(2);
            event.fd = static_cast<int>(at_most(2));
            event.minor = static_cast<int>(at_most(2)) - 1;
            event.type = at_most(3);
            event.index = at_most(20) == 0 ? ~0U : at_most(2);
            event.context = at_most(1);
            event.seqno = at_most(5);
            event.ino = at_most(4);
            event.value = static_cast<std::int64_t>(at_most(7)) - 1;
            event.driver = at_most(1) == 0 ? "a" : "b";
            event.timeline = at_most(1) == 0 ? "vb2-cap-1" : "CRTC:1";
            model.feed(event);
        }
        for (const Finding& finding : find(model, 0)) {
            EXPECT_FALSE(finding.text.empty());
            EXPECT_GE(finding.milliseconds, 0);
        }
        for (const Queue& queue : model.queues())
            for (std::size_t i = 0; i < queue.frames.size(); ++i)
                EXPECT_EQ(queue.frames[i].number, queue.frames[0].number + i);
    }
}

// A long trace must not eat the machine.
TEST(TraceModel, RemembersALimitedNumberOfFramesAndFences) {
    Script script;
    Model model;
    for (const Event& event : script.events) model.feed(event);
    for (Time turn = 0; turn < Model::limit + 500; ++turn) {
        Script frame;
        frame.events.clear();
        const Time start = turn * 100;
        frame.queue(start, 0);
        frame.fence(Kind::fence_init, start + 3, turn);
        frame.fence(Kind::fence_signaled, start + 50, turn, 0);
        frame.finish(start + 51, 0);
        frame.dequeue(start + 52, 0);
        frame.fence(Kind::fence_destroy, start + 53, turn);
        for (const Event& event : frame.events) model.feed(event);
    }
    EXPECT_EQ(model.queues()[0].count, Model::limit + 500);
    EXPECT_EQ(model.queues()[0].frames.size(), Model::limit);
    EXPECT_LE(model.fences().size(), Model::limit + 1000);
    EXPECT_EQ(model.fences_seen(), Model::limit + 500);
}

// When to ask who has the buffers of an empty pool, also when it is looked at rarely.
TEST(TraceModel, APoolHasStarvedWhileItIsEmptyAndUntilThatIsOld) {
    Script script;
    script.queue(0, 0);
    script.queue(10, 0, Script::output);
    script.finish(100, 0);
    script.queue(110, 1, Script::output);
    Model model = script.model();
    EXPECT_FALSE(model.starved(50'000, 0)) << "empty since 100 us";
    Script later;
    later.events.clear();
    later.finish(200, 0, Script::output);
    for (const Event& event : later.events) model.feed(event);
    EXPECT_TRUE(model.starved(50'000, 0));
    EXPECT_TRUE(model.starved(50'000, 199'000)) << "it still is";
    later.events.clear();
    later.queue(300, 0);
    for (const Event& event : later.events) model.feed(event);
    EXPECT_TRUE(model.starved(50'000, 250'000)) << "it was until 301 us";
    EXPECT_FALSE(model.starved(50'000, 302'000));
    EXPECT_FALSE(model.starved(500'000, 0)) << "not for so long";
}

TEST(TraceFindings, ListsOfFramesAreRanges) {
    EXPECT_EQ(list_frames({}), "");
    EXPECT_EQ(list_frames({1, 2, 3, 7, 12, 13}), "1-3, 7, 12-13");
    std::vector<std::uint64_t> odd;
    for (std::uint64_t i = 1; i < 60; i += 2) odd.push_back(i);
    EXPECT_THAT(list_frames(odd), HasSubstr("23 and 18 more"));
}

TEST(TraceReorder, GivesEventsOfSeveralProcessorsInTheOrderOfTime) {
    Reorder order;
    std::vector<std::pair<Time, int>> given;
    const auto feed = [&](const Event& event) { given.emplace_back(event.time, event.cpu); };
    const auto add = [&](int cpu, const std::vector<Time>& times) {
        for (const Time time : times) {
            Event event;
            event.time = time;
            event.cpu = cpu;
            order.add(event);
        }
    };
    add(0, {1000, 1050, 1200});
    add(1, {1010, 1050, 1190});
    order.release(1190, feed);
    EXPECT_THAT(given, ElementsAre(Pair(1000, 0), Pair(1010, 1), Pair(1050, 0), Pair(1050, 1)));
    // What was left comes before what is new, and among it.
    given.clear();
    add(0, {1195, 1400});
    order.release(1300, feed);
    EXPECT_THAT(given, ElementsAre(Pair(1190, 1), Pair(1195, 0), Pair(1200, 0)));
    given.clear();
    order.release(1300, feed);
    EXPECT_TRUE(given.empty());
    order.flush(feed);
    EXPECT_THAT(given, ElementsAre(Pair(1400, 0)));
}

}  // namespace
}  // namespace relfence::trace
