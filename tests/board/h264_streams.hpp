// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace relfence::board {

/// What libx264 is asked for.
struct H264Encoding {
    int width = 176, height = 144;
    int frames = 16;
    int seed = 1;             ///< of the scene
    bool interlaced = false;  ///< the scene moves between the lines of a frame
    /// In the syntax of x264-params, after keyint=10 and a fixed quantiser: "ref=4:bframes=3".
    std::string options{};
    std::string profile{};  ///< none: whatever the options need
};

/// A byte stream of a moving scene.
[[nodiscard]] std::vector<std::uint8_t> encode_h264(const H264Encoding& encoding);

/// A frame as a decoder shows it, in NV12 without gaps.
struct ShownFrame {
    std::uint32_t width = 0, height = 0;
    std::vector<std::uint8_t> luma, chroma;
};

/// What libavcodec makes of a whole stream, by number in coding order. Throws when it complains.
[[nodiscard]] std::map<std::size_t, ShownFrame> decode_whole_h264(
    std::span<const std::uint8_t> stream);

}  // namespace relfence::board
