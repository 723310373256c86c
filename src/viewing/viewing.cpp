// SPDX-License-Identifier: MIT
#include "viewing/viewing.hpp"

#include <algorithm>
#include <deque>
#include <thread>

#include <fmt/format.h>

namespace relfence::viewing {
namespace {

/// What the buffer of a frame holds before. At first each is cleared: what an earlier viewing left
/// there may be the very frame that is decoded next, and then a reader who comes too early would
/// pass for one who waited.
Before before(unsigned index, unsigned buffers) {
    return index >= buffers && index % 2 == 0 ? Before::stale : Before::zeros;
}

/// How many quarters of the job's time a consumer without a fence lets pass before it draws.
unsigned lateness(unsigned index) {
    return index % 3;
}

/// A frame between submit and finish, with what the consumer knows about it.
struct Pending {
    unsigned index;
    Handover handover;
    Claim claim;
};

class Audience {
  public:
    Audience(Producer& producer, const std::vector<image::Frame>& reference)
        : producer_{producer}, reference_{reference} {}

    /// Reads the frame as it is now and compares it.
    Result<void> look(const Pending& pending, bool timed_out) {
        image::Frame seen = image::Frame::copy(producer_.frame(pending.handover));
        const image::Frame& right = reference_[pending.index];
        const auto difference = image::compare(seen.view(), right.view());
        if (!difference) return tl::make_unexpected(difference.error());
        ++viewing_.frames;
        if (pending.claim.had_fence()) ++viewing_.had_fence;
        if (timed_out) ++viewing_.timed_out;
        if (difference->none() && !timed_out) return {};
        ++viewing_.differ;
        viewing_.differing_pixels.push_back(static_cast<std::int64_t>(difference->pixels));
        if (!viewing_.worst || shows_better(pending.index))
            viewing_.worst = WrongFrame{pending.index, *difference, std::move(seen), right};
        return {};
    }
    [[nodiscard]] Viewing take() { return std::move(viewing_); }

  private:
    /// Which of two wrong frames makes the better picture: one that was read late is torn and not
    /// merely absent, and what was not written shows best where the buffer had been cleared.
    [[nodiscard]] bool shows_better(unsigned index) const {
        const auto merit = [&](unsigned i) {
            return lateness(i) * 2 + (before(i, producer_.depth()) == Before::zeros ? 1 : 0);
        };
        return merit(index) > merit(viewing_.worst->index);
    }

    Producer& producer_;
    const std::vector<image::Frame>& reference_;
    Viewing viewing_;
};

}  // namespace

Result<std::vector<image::Frame>> record_reference(Producer& producer, unsigned frames,
                                                   double& judgement) {
    std::vector<image::Frame> reference;
    if (auto ok = producer.rewind(); !ok) return tl::make_unexpected(ok.error());
    for (unsigned index = 0; index < frames; ++index) {
        const auto handover = producer.submit(index, Before::zeros);
        if (!handover) return tl::make_unexpected(handover.error());
        if (auto done = producer.finish(); !done) return tl::make_unexpected(done.error());
        reference.push_back(image::Frame::copy(producer.frame(*handover)));
        const auto judged = producer.judge(index, reference.back().view());
        if (!judged) return tl::make_unexpected(judged.error());
        judgement = index == 0 ? *judged : std::min(judgement, *judged);
    }
    return reference;
}

Result<Viewing> watch(Producer& producer, const Watch& how,
                      const std::vector<image::Frame>& reference) {
    if (how.depth == 0 || how.depth > producer.depth())
        return fail(fmt::format("cannot hold {} jobs", how.depth), "producer");
    if (auto ok = producer.rewind(); !ok) return tl::make_unexpected(ok.error());
    Audience audience{producer, reference};
    std::deque<Pending> queue;
    const auto finish_oldest = [&]() -> Result<void> {
        Pending& oldest = queue.front();
        if (oldest.claim.had_fence()) {
            const auto waited = oldest.claim.await(how.timeout);
            if (!waited && waited.error().code != ETIMEDOUT) return waited;
            if (auto looked = audience.look(oldest, !waited); !looked) return looked;
        }
        queue.pop_front();
        return producer.finish();
    };
    for (unsigned index = 0; index < reference.size(); ++index) {
        if (queue.size() == how.depth)
            if (auto done = finish_oldest(); !done) return tl::make_unexpected(done.error());
        const auto handover = producer.submit(index, before(index, producer.depth()));
        if (!handover) return tl::make_unexpected(handover.error());
        auto claim = Claim::take(handover->dma_buf, how.wait);
        if (!claim) return tl::make_unexpected(claim.error());
        queue.push_back({index, *handover, std::move(*claim)});
        // Nothing to wait for: to this consumer the frame is there.
        if (!queue.back().claim.had_fence()) {
            if (how.depth == 1) std::this_thread::sleep_for(how.job_time * lateness(index) / 4);
            if (auto looked = audience.look(queue.back(), false); !looked)
                return tl::make_unexpected(looked.error());
        }
    }
    while (!queue.empty())
        if (auto done = finish_oldest(); !done) return tl::make_unexpected(done.error());
    return audience.take();
}

}  // namespace relfence::viewing
