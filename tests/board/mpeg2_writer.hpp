// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace relfence::board {

/// A frame to be written: as one picture, or as two fields.
struct RandomFrame {
    char first;       ///< type of the frame, or of its first field: 'I', 'P', 'B'
    char second = 0;  ///< type of the second field, or 0 for a frame picture
};

/// Interlaced MPEG-2 without any video in it: random macroblock types, vectors that stay in the
/// picture and random coefficients. libavcodec's encoder writes neither fields nor 16x8 or
/// dual-prime prediction; this does.
struct RandomStream {
    unsigned mb_width = 6, mb_height = 6;  ///< the height is even
    unsigned seed = 1;
    bool top_field_first = true;
    bool concealment_vectors = false;
    bool dual_prime = false;  ///< only where no B frame is in the stream
    bool intra_vlc = false, alternate_scan = false, q_scale_type = false;
    unsigned dc_precision = 0;
};

/// @param frames in coding order
[[nodiscard]] std::vector<std::uint8_t> write_random_mpeg2(const RandomStream& stream,
                                                           std::span<const RandomFrame> frames);

}  // namespace relfence::board
