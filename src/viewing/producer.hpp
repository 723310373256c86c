// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <relfence/base/error.hpp>
#include <relfence/image/frame.hpp>

namespace relfence::viewing {

/// What memory holds before the driver writes a frame into it.
enum class Before {
    stale,  ///< the frame that was in the buffer before: what a player's pool looks like
    zeros,  ///< zeros, which are green in YUV: what a fresh buffer looks like
};

/// A frame that was handed over at submit, possibly long before it is there.
struct Handover {
    unsigned buffer = 0;                     ///< which CAPTURE buffer
    int dma_buf = -1;                        ///< borrowed, valid as long as the producer
    std::span<const std::uint8_t> pixels{};  ///< the mapped memory of that buffer
};

/// A driver that produces the frames of a clip, one job each, into exported MMAP buffers.
///
/// The consumers of the cases get nothing but what a player's display gets: the dma-buf, at submit.
/// A job is submitted by submit() and taken back by finish(), in the same order. Not thread-safe.
class Producer {
  public:
    Producer() = default;
    Producer(const Producer&) = delete;
    Producer& operator=(const Producer&) = delete;
    virtual ~Producer() = default;

    /// How many jobs may be between submit() and finish().
    [[nodiscard]] virtual unsigned depth() const = 0;
    /// Layout and size of the frames; the pixels are empty.
    [[nodiscard]] virtual image::FrameView format() const = 0;

    /// Starts the clip again: STREAMOFF, which throws away what is queued, running job or not, then
    /// STREAMON. The next frame is number 0.
    [[nodiscard]] virtual Result<void> rewind() = 0;
    /// Queues the job that makes frame @p index. Indices count up from 0 after rewind().
    [[nodiscard]] virtual Result<Handover> submit(unsigned index, Before before) = 0;
    /// Waits for the oldest job in the way that always was right: VIDIOC_DQBUF.
    [[nodiscard]] virtual Result<void> finish() = 0;
    /// Whether finish() would return at once.
    [[nodiscard]] virtual Result<bool> finished() = 0;
    /// Judges a finished frame by something else than the driver's word.
    /// @return what was found, for the report; fails when this cannot be frame @p index
    [[nodiscard]] virtual Result<double> judge(unsigned index, const image::FrameView& frame) = 0;

    [[nodiscard]] image::FrameView frame(const Handover& handover) const {
        image::FrameView view = format();
        view.bytes = handover.pixels;
        return view;
    }
};

}  // namespace relfence::viewing
