// SPDX-License-Identifier: MIT
// VP8 streams made on the spot by libvpx's encoder.
#pragma once

#include <cstdint>
#include <vector>

namespace relfence::testing {

using Vp8Stream = std::vector<std::vector<std::uint8_t>>;

/// What to ask of the encoder.
struct Vp8Wish {
    unsigned width = 176;
    unsigned height = 144;
    unsigned frames = 30;
    unsigned kilobits = 400;       ///< per second, at 30 frames
    unsigned version = 0;          ///< 0 to 3: filters of vectors and edges
    unsigned log2_partitions = 0;  ///< of coefficients, 0 to 3
    bool alternative = false;      ///< hidden alternative frames
    bool resilient = false;        ///< every frame parses without the ones before
    bool segments = false;         ///< a map of segments that changes now and then
    unsigned sharpness = 0;
    /// From this frame on half as wide and high; 0: never.
    unsigned shrink_at = 0;
};

/// A picture full of detail that moves by fractions of a pixel, with objects that come and go, so
/// that the encoder uses every kind of macroblock. The same on every machine.
[[nodiscard]] Vp8Stream encode_vp8(const Vp8Wish& wish);

}  // namespace relfence::testing
