// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "jobs/stateless_decoder.hpp"

namespace relfence::jobs {

/// The slice of an H.264 IDR picture with its start code: horizontal bands, other ones for each
/// index. The first macroblock of a row is PCM, all others are predicted from it; CAVLC.
/// @param width,height in pixels, multiples of 16
[[nodiscard]] std::vector<std::uint8_t> make_h264_slice(unsigned width, unsigned height,
                                                        unsigned index);
/// Sequence and picture parameter sets, for those who parse the stream themselves.
[[nodiscard]] std::vector<std::uint8_t> make_h264_parameters(unsigned width, unsigned height);

/// Such pictures for a stateless decoder of whole frames with start codes.
[[nodiscard]] std::unique_ptr<FrameSource> h264_frames(unsigned width, unsigned height);

}  // namespace relfence::jobs
