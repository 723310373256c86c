// SPDX-License-Identifier: MIT
// Negative controls of the consumer cases: a producer made of a thread and eventfds stands in for
// the driver, and each way of being wrong must be seen.
#include "viewing/viewing.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include <relfence/image/scene.hpp>

namespace relfence::viewing {
namespace {

using namespace std::chrono_literals;

constexpr unsigned width = 160;
constexpr unsigned height = 96;
constexpr unsigned frames = 12;
constexpr auto job_time = 8ms;

/// When the fake dma-buf becomes readable: what the fence of a driver would do.
enum class Fence {
    with_the_frame,  ///< right: when the frame is there
    at_once,         ///< no fence at all
    too_early,       ///< in mid-job
    never,
};

class FakeProducer final : public Producer {
  public:
    explicit FakeProducer(Fence fence) : fence_{fence} {
        for (auto& slot : slots_) slot.pixels = image::Frame::zeros(layout, width, height);
    }

    [[nodiscard]] unsigned depth() const override { return static_cast<unsigned>(slots_.size()); }
    [[nodiscard]] image::FrameView format() const override { return {layout, width, height, {}}; }

    Result<void> rewind() override { return {}; }
    Result<Handover> submit(unsigned index, Before before) override {
        Slot& slot = slots_[index % slots_.size()];
        if (before == Before::zeros) std::ranges::fill(slot.pixels.bytes, std::uint8_t{0});
        slot.readable.reset(::eventfd(0, EFD_CLOEXEC));
        if (fence_ == Fence::at_once) slot.signal();
        order_.push_back(index);
        slot.job = std::jthread{[this, &slot, index] {
            std::this_thread::sleep_for(job_time);
            if (fence_ == Fence::too_early) slot.signal();
            std::this_thread::sleep_for(job_time);
            // In place: the consumer holds a view of this memory, as of a mapped buffer.
            std::ranges::copy(image::draw_scene(width, height, index).bytes,
                              slot.pixels.bytes.begin());
            if (fence_ == Fence::with_the_frame) slot.signal();
        }};
        return Handover{index % depth(), slot.readable.get(), slot.pixels.bytes};
    }
    Result<void> finish() override {
        slots_[order_.front() % slots_.size()].job.join();
        order_.pop_front();
        return {};
    }
    Result<UniqueFd> export_again(unsigned) override { return fail("exports nothing", "fake"); }
    Result<bool> finished() override { return true; }
    Result<double> judge(unsigned index, const image::FrameView& frame) override {
        const auto right = image::draw_scene(width, height, index);
        return image::psnr(frame, right.view());
    }

  private:
    static constexpr auto layout = image::Layout::xrgb8888;
    struct Slot {
        image::Frame pixels;
        UniqueFd readable;
        std::jthread job;
        void signal() const { ::eventfd_write(readable.get(), 1); }
    };
    Fence fence_;
    std::array<Slot, 4> slots_;
    std::deque<unsigned> order_;
};

std::vector<image::Frame> right_frames() {
    std::vector<image::Frame> all;
    for (unsigned i = 0; i < frames; ++i) all.push_back(image::draw_scene(width, height, i));
    return all;
}

Viewing view(Fence fence, const Watch& how) {
    FakeProducer producer{fence};
    auto viewing = watch(producer, how, right_frames());
    EXPECT_TRUE(viewing) << viewing.error().message();
    return std::move(*viewing);
}

TEST(Watch, AFenceThatTellsTheTruthGivesEveryFrameRight) {
    const Viewing viewing = view(Fence::with_the_frame, {.wait = Wait::poll});
    EXPECT_EQ(viewing.frames, frames);
    EXPECT_EQ(viewing.had_fence, frames);
    EXPECT_EQ(viewing.differ, 0U);
    EXPECT_FALSE(viewing.worst);
}

// The bug that the series is about: no fence, and the consumer believes it.
TEST(Watch, WithoutAFenceEveryFrameIsWrong) {
    const Viewing viewing = view(Fence::at_once, {.wait = Wait::poll, .job_time = 2 * job_time});
    EXPECT_EQ(viewing.had_fence, 0U);
    EXPECT_EQ(viewing.differ, frames);
    ASSERT_TRUE(viewing.worst);
    EXPECT_GT(viewing.worst->difference.pixels, 0U);
    EXPECT_FALSE(image::compare(viewing.worst->seen.view(), viewing.worst->right.view())->none());
}

TEST(Watch, AFenceThatSignalsInMidJobIsSeen) {
    const Viewing viewing = view(Fence::too_early, {.wait = Wait::poll});
    EXPECT_EQ(viewing.had_fence, frames);
    EXPECT_EQ(viewing.differ, frames);
}

TEST(Watch, AFenceThatNeverSignalsIsSeenAndDoesNotHang) {
    const Viewing viewing = view(Fence::never, {.wait = Wait::poll, .timeout = 20ms});
    EXPECT_EQ(viewing.timed_out, frames);
    EXPECT_EQ(viewing.differ, frames);
}

TEST(Watch, AConsumerThatDoesNotWaitIsSeen) {
    const Viewing viewing = view(Fence::with_the_frame, {.wait = Wait::nothing});
    EXPECT_EQ(viewing.had_fence, 0U);
    EXPECT_EQ(viewing.differ, frames);
}

TEST(Watch, KeepsSeveralJobsQueued) {
    const Viewing right = view(Fence::with_the_frame, {.wait = Wait::poll, .depth = 4});
    EXPECT_EQ(right.frames, frames);
    EXPECT_EQ(right.differ, 0U);
    const Viewing wrong = view(Fence::at_once, {.wait = Wait::poll, .depth = 4});
    EXPECT_EQ(wrong.differ, frames);
}

TEST(Watch, RefusesMoreJobsThanTheProducerHolds) {
    FakeProducer producer{Fence::with_the_frame};
    EXPECT_FALSE(watch(producer, {.depth = 5}, right_frames()));
    EXPECT_FALSE(watch(producer, {.depth = 0}, right_frames()));
}

TEST(Reference, IsJudgedAndKept) {
    FakeProducer producer{Fence::at_once};
    double judgement = 0;
    const auto reference = record_reference(producer, frames, judgement);
    ASSERT_TRUE(reference) << reference.error().message();
    EXPECT_EQ(reference->size(), frames);
    EXPECT_TRUE(image::compare((*reference)[7].view(), right_frames()[7].view())->none());
    EXPECT_GT(judgement, 1000);
}

}  // namespace
}  // namespace relfence::viewing
