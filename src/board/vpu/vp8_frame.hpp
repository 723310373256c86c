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
    /// Of the last, golden and alternative frame.
    std::array<Vp8Needs, 3> needs;
};

/// Makes the frame header that the hardware is not given and codes the macroblock headers again.
///
/// The frame states its segment map, its filter and quantiser settings in full and keeps no
/// probabilities, so that it depends on nothing but the references that it uses and on the
/// probabilities after a key frame. It becomes no reference, which for a key frame cannot be
/// avoided. Fails with EFAULT where the stream is not in memory, EBADMSG where it ends too early.
[[nodiscard]] Result<Vp8Frame> make_vp8_frame(const Vp8Job& job, const Dma& dma);

/// What becomes of a plain frame.
enum class Vp8Becomes : std::uint8_t { all_references, golden, alternative };

/// A frame without content, to bring a decoder into a known state.
/// @param width, height multiples of 16, up to 16368 @param becomes a key frame for all references
[[nodiscard]] std::vector<std::uint8_t> plain_vp8_frame(unsigned width, unsigned height,
                                                        Vp8Becomes becomes);

}  // namespace relfence::board::vpu
