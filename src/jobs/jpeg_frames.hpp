// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

namespace relfence::jobs {

/// A baseline JPEG of horizontal bands, 4:2:0, other ones for each index. It has the tables of
/// ITU-T T.81 annex K, so that it is a frame of Motion JPEG as well. Little is coded.
/// @param width,height in pixels, multiples of 16
[[nodiscard]] std::vector<std::uint8_t> make_jpeg(unsigned width, unsigned height, unsigned index);

}  // namespace relfence::jobs
