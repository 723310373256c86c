// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "jobs/memory.hpp"
#include "jobs/queue_pair.hpp"

namespace relfence::jobs {

/// A stream for a decoder that parses it itself. Every frame stands for itself when index is 0.
struct CodedStream {
    std::uint32_t coded_format = 0;  ///< V4L2_PIX_FMT_FWHT
    std::uint32_t raw_format = 0;    ///< of the pictures that are wanted; 0: what the decoder likes
    unsigned width = 0;
    unsigned height = 0;
    /// The bytes of a frame; they are taken at once. Empty when there is no such frame.
    std::function<std::vector<std::uint8_t>(unsigned index)> frame;
    /// A frame is always the same: it may be put into its buffer ahead of its job.
    bool fixed = false;
    /// Frames of which no decoder can make a picture; nullptr when none can be made.
    std::function<std::vector<std::uint8_t>(unsigned index)> broken_frame;
    /// CAPTURE buffers that stay queued beside those of the jobs, if the decoder wants no more.
    unsigned spares = 0;
    /// Drains the decoder after each frame. That is done without this for those that need it.
    bool drain = false;
};

/// Makes a stateful decoder decode, each frame to one picture at once.
///
/// It follows Documentation/userspace-api/media/v4l/dev-decoder.rst: the size of the pictures comes
/// from the head of the stream, with V4L2_EVENT_SOURCE_CHANGE, or with VIDIOC_G_FMT from drivers
/// that are older than that event. As many CAPTURE buffers stay queued as
/// V4L2_CID_MIN_BUFFERS_FOR_CAPTURE asks for; a job is taken to write the one that was queued
/// first. Where the driver gives another one back, finish() fails with cannot_use(). A decoder that
/// keeps its last frame until it sees another is drained after each (V4L2_DEC_CMD_STOP); its
/// depth() is 1 then.
///
/// Rewinding it in mid-job closes and opens the device, since after STREAMOFF a decoder may fall
/// back to the first format of the stream, which cannot be changed while buffers exist.
/// @param open opens the device; called now and then, see above @param name of it, for errors
/// @param depth jobs that may be queued
/// Fails with cannot_use() when pictures are spread over several buffers.
[[nodiscard]] Result<std::unique_ptr<QueuePair>> open_stateful(
    std::function<Result<UniqueFd>()> open, std::string name, bool multiplanar, CodedStream stream,
    unsigned depth, const Memory& memory);

}  // namespace relfence::jobs
