// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "jobs/stateless_decoder.hpp"

namespace relfence::jobs {

/// A VP8 key frame of horizontal bands, one for each row of macroblocks, other ones for each index.
/// Little is coded, so that it is small at any size; nothing is filtered. RFC 6386.
/// @param width,height in pixels, multiples of 16
[[nodiscard]] std::vector<std::uint8_t> make_vp8_frame(unsigned width, unsigned height,
                                                       unsigned index);

/// Such frames for a stateless decoder.
[[nodiscard]] std::unique_ptr<FrameSource> vp8_frames(unsigned width, unsigned height);

}  // namespace relfence::jobs
