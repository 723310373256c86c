// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "board/vpu/vp8_job.hpp"

namespace relfence::board::vpu {

/// A complete VP8 frame made of a job, for a decoder that begins at the frame header.
struct Vp8Frame {
    std::vector<std::uint8_t> bytes;
    /// The segment of each macroblock; empty without segments.
    std::vector<std::uint8_t> segments;
    /// Whether the last, golden and alternative frames are needed.
    std::array<bool, 3> uses{};
};

/// Makes the frame header that the hardware is not given and codes the macroblock headers again.
///
/// The frame changes nothing that a later one depends on: it keeps no probabilities, updates no
/// reference (a key frame cannot but do so), and states its segment map, its filter and quantiser
/// settings in full. It depends on nothing but the references and on the probabilities after a key
/// frame. Fails with EFAULT where the stream is not in memory, EBADMSG where it ends too early.
[[nodiscard]] Result<Vp8Frame> make_vp8_frame(const Vp8Job& job, const Dma& dma);

/// A grey key frame: gives a decoder its size. @param width, height up to 16383
[[nodiscard]] std::vector<std::uint8_t> grey_vp8_frame(unsigned width, unsigned height);

}  // namespace relfence::board::vpu
