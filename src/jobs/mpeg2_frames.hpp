// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "jobs/stateless_decoder.hpp"

namespace relfence::jobs {

/// An MPEG-2 stream of one intra picture of horizontal bands, other ones for each index.
/// ISO/IEC 13818-2. @param width,height in pixels, multiples of 16
[[nodiscard]] std::vector<std::uint8_t> make_mpeg2_stream(unsigned width, unsigned height,
                                                          unsigned index);

/// Such pictures for a stateless decoder.
[[nodiscard]] std::unique_ptr<FrameSource> mpeg2_frames(unsigned width, unsigned height);

}  // namespace relfence::jobs
