// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace relfence::board {

/// What libavcodec's encoder is asked for.
struct Mpeg2Encoding {
    int width = 176, height = 144;
    int frames = 12;
    int b_frames = 2;
    int seed = 1;             ///< of the scene
    bool interlaced = false;  ///< frame pictures with field DCT and field motion
    bool matrices = false;    ///< quantisation matrices of its own
    int dc_precision = 0;     ///< bits beyond 8
    /// Options of the encoder by name.
    std::vector<std::pair<std::string, std::string>> options{};
};

/// An elementary stream of a moving scene.
[[nodiscard]] std::vector<std::uint8_t> encode_mpeg2(const Mpeg2Encoding& encoding);

/// A frame as a decoder shows it, in NV12 without gaps.
struct DecodedFrame {
    std::uint32_t width = 0, height = 0;
    std::vector<std::uint8_t> luma, chroma;
};

/// What libavcodec makes of a whole stream, by number in coding order. Throws when it complains.
[[nodiscard]] std::map<std::size_t, DecodedFrame> decode_whole(
    std::span<const std::uint8_t> stream);

}  // namespace relfence::board
