// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace relfence::jobs {

/// A coded format of which streams are made here, for decoders that parse them themselves.
struct StatefulCodec {
    std::uint32_t format;  ///< V4L2_PIX_FMT_*
    const char* stream;    ///< "h264"
    /// Frame @p index of the stream, which no other is needed for: one access unit with all its
    /// headers. @param width,height in pixels, multiples of 16
    std::vector<std::uint8_t> (*frame)(unsigned width, unsigned height, unsigned index);
    /// The same, such that nobody can make the whole picture of it.
    std::vector<std::uint8_t> (*broken)(unsigned width, unsigned height, unsigned index);
};

/// All of them, the one to be taken first where two formats are the same stream.
[[nodiscard]] std::span<const StatefulCodec> stateful_codecs();

}  // namespace relfence::jobs
