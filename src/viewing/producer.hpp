// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <relfence/base/error.hpp>
#include <relfence/base/unique_fd.hpp>
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

/// A driver that does jobs, each of which writes a CAPTURE buffer that others hold as a dma-buf.
///
/// The consumers of the cases get nothing but what a player's display gets: the dma-buf, at submit.
/// A job is submitted by submit() and taken back by finish(), in the same order. Not thread-safe.
class JobSource {
  public:
    JobSource() = default;
    JobSource(const JobSource&) = delete;
    JobSource& operator=(const JobSource&) = delete;
    virtual ~JobSource() = default;

    /// How many jobs may be between submit() and finish().
    [[nodiscard]] virtual unsigned depth() const = 0;
    /// Starts again: STREAMOFF, which throws away what is queued, running job or not, then
    /// STREAMON. The next frame is number 0.
    [[nodiscard]] virtual Result<void> rewind() = 0;
    /// Queues the job that makes frame @p index. Indices count up from 0 after rewind().
    [[nodiscard]] virtual Result<Handover> submit(unsigned index, Before before) = 0;
    /// Waits for the oldest job in the way that always was right: VIDIOC_DQBUF.
    [[nodiscard]] virtual Result<void> finish() = 0;
    /// Whether finish() would return at once.
    [[nodiscard]] virtual Result<bool> finished() = 0;
    /// A second dma-buf of a CAPTURE buffer, exported now. Fails for buffers that are imported.
    [[nodiscard]] virtual Result<UniqueFd> export_again(unsigned buffer) = 0;
};

/// A driver that produces the frames of a clip, one job each.
class Producer : public JobSource {
  public:
    /// Layout and size of the frames; the pixels are empty.
    [[nodiscard]] virtual image::FrameView format() const = 0;
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
