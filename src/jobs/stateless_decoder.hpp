// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "jobs/memory.hpp"
#include "jobs/queue_pair.hpp"

namespace relfence::jobs {

/// A control of a media request. The value is borrowed.
struct ControlValue {
    std::uint32_t id = 0;  ///< V4L2_CID_STATELESS_*
    void* value = nullptr;
    std::uint32_t size = 0;
};

/// One frame as a stateless driver wants it. What it refers to lives until the next call.
struct CodedFrame {
    std::span<const std::uint8_t> data;
    std::vector<ControlValue> controls;
};

/// A stream for a stateless decoder: the part of a decoder that is the client's.
class FrameSource {
  public:
    FrameSource() = default;
    FrameSource(const FrameSource&) = delete;
    FrameSource& operator=(const FrameSource&) = delete;
    virtual ~FrameSource() = default;

    [[nodiscard]] virtual std::uint32_t coded_format() const = 0;  ///< V4L2_PIX_FMT_*
    [[nodiscard]] virtual unsigned width() const = 0;
    [[nodiscard]] virtual unsigned height() const = 0;
    /// Bytes that no frame exceeds; 0 leaves it to the driver.
    [[nodiscard]] virtual std::size_t largest() const = 0;
    /// The next frame is number 0 again.
    virtual void restart() {}
    /// Controls for the whole stream, set before buffers are made; none for most codecs.
    [[nodiscard]] virtual std::vector<ControlValue> stream_controls() { return {}; }
    /// @param timestamp of the frame in nanoseconds, by which later frames refer to it
    [[nodiscard]] virtual Result<CodedFrame> frame(unsigned index, std::uint64_t timestamp) = 0;
    /// See QueuePair::spoil().
    virtual bool spoil() { return false; }
};

/// Both nodes of a stateless decoder.
struct StatelessDevice {
    UniqueFd video;
    UniqueFd media;           ///< where requests are allocated
    std::string name;         ///< for errors
    bool multiplanar = true;  ///< V4L2_CAP_VIDEO_M2M_MPLANE
};

/// Makes a stateless decoder decode, one media request a frame. Frames are NV12 where the driver
/// can, else what it suggests.
/// @param depth CAPTURE buffers and jobs that may be queued; at least 2 for streams whose frames
///        are predicted
[[nodiscard]] Result<std::unique_ptr<QueuePair>> open_stateless(StatelessDevice device,
                                                                std::unique_ptr<FrameSource> stream,
                                                                unsigned depth,
                                                                const Memory& memory);

}  // namespace relfence::jobs
