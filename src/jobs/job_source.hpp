// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>

#include <relfence/base/error.hpp>
#include <relfence/base/unique_fd.hpp>

namespace relfence::jobs {

/// What memory holds before the driver writes a frame into it.
enum class Before {
    stale,  ///< the frame that was in the buffer before: what a player's pool looks like
    zeros,  ///< zeros, which are green in YUV: what a fresh buffer looks like
    mark,   ///< bytes that no frame has there, other ones each time: to see which are written
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

}  // namespace relfence::jobs
