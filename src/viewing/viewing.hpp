// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/image/compare.hpp>
#include <relfence/image/frame.hpp>

#include "viewing/consumer.hpp"
#include "viewing/producer.hpp"

namespace relfence::viewing {

/// A frame that was seen wrong, beside what it should have been.
struct WrongFrame {
    unsigned index = 0;
    image::Difference difference;
    image::Frame seen;
    image::Frame right;
};

/// What a consumer saw of a clip.
struct Viewing {
    unsigned frames = 0;
    unsigned had_fence = 0;  ///< frames that had something to wait for at hand-over
    unsigned differ = 0;     ///< frames that were not the reference's
    unsigned timed_out = 0;  ///< frames whose fence did not signal in time; they count as differing
    std::vector<std::int64_t> differing_pixels;  ///< one per differing frame
    std::optional<WrongFrame> worst;             ///< the frame whose picture shows the fault best
};

/// The frames of a clip as they are when the consumer waits for VIDIOC_DQBUF, each judged by the
/// producer. Fails when one is judged wrong: a reference that is wrong proves nothing.
/// @param judgement gets the lowest figure that Producer::judge() gave
[[nodiscard]] Result<std::vector<image::Frame>> record_reference(Producer& producer,
                                                                 unsigned frames,
                                                                 double& judgement);

/// How a clip is watched.
struct Watch {
    Wait wait = Wait::poll;
    unsigned depth = 1;  ///< jobs kept queued
    /// How long one job takes. A consumer that finds nothing to wait for draws when it comes to it:
    /// at once, a quarter or half of this later, in turn; always before the job can be over.
    std::chrono::microseconds job_time{0};
    std::chrono::milliseconds timeout{3000};  ///< for one fence
};

/// Plays a clip to a consumer that is handed each frame at submit, and compares what it reads.
///
/// The jobs queued are kept at Watch::depth, as a player does. A consumer that finds a fence reads
/// when it signals, at the latest before the buffer is queued again. Every other frame the buffer
/// is cleared first (see Before), so that a frame that was read too early is the old one, green, or
/// torn.
/// @param reference what record_reference() gave; its size is the length of the clip
[[nodiscard]] Result<Viewing> watch(Producer& producer, const Watch& how,
                                    const std::vector<image::Frame>& reference);

}  // namespace relfence::viewing
