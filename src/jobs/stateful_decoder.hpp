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
    std::uint32_t raw_format = 0;    ///< of the pictures that are wanted, of one plane
    unsigned width = 0;
    unsigned height = 0;
    std::size_t picture_size = 0;  ///< bytes of a picture
    /// The bytes of a frame; they are taken at once. Empty when there is no such frame.
    std::function<std::vector<std::uint8_t>(unsigned index)> frame;
    /// A frame is always the same: it may be put into its buffer ahead of its job.
    bool fixed = false;
    /// Frames of which no decoder can make a picture; nullptr when none can be made.
    std::function<std::vector<std::uint8_t>(unsigned index)> broken_frame;
};

/// Makes a stateful decoder decode, each frame to one picture at once.
///
/// Rewinding it in mid-job closes and opens the device, since after STREAMOFF a decoder may fall
/// back to the first format of the stream, which cannot be changed while buffers exist.
/// @param open opens the device; called now and then, see above @param name of it, for errors
/// @param depth jobs that may be queued
[[nodiscard]] Result<std::unique_ptr<QueuePair>> open_stateful(
    std::function<Result<UniqueFd>()> open, std::string name, bool multiplanar, CodedStream stream,
    unsigned depth, const Memory& memory);

}  // namespace relfence::jobs
