// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <vector>

extern "C" {
#include <libavcodec/codec_id.h>
}

namespace relfence::lab {

struct Picture {
    unsigned width = 0;
    unsigned height = 0;
    std::vector<std::uint8_t> i420;  ///< without gaps
};

/// What libavcodec shows of an elementary stream, in the order in which it is shown. Throws when
/// it finds a fault in it.
[[nodiscard]] std::vector<Picture> decode_in_display_order(AVCodecID codec,
                                                           std::span<const std::uint8_t> stream);

}  // namespace relfence::lab
