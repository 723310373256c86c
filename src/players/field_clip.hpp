// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "stateless/h264_headers.hpp"

namespace relfence::players {

/// Two frames of H.264, 176 by 160, each of two field pictures: the first frame intra, of the
/// second each field is predicted, its second field from its first one.
///
/// Its bytes, in fields.inc, are what tests/board/h264_writer.cpp makes of H264Writing with frames
/// 2, options "cabac=0:bframes=0:ref=2:qp=51" and first_field_in_front.
[[nodiscard]] std::span<const std::uint8_t> field_stream();

/// Its pictures, as stateless::parse_h264() gives them. Written down, since that parser's library
/// takes longer to load in a guest than all of the clip to decode.
[[nodiscard]] std::vector<stateless::H264CodedPicture> field_pictures();

}  // namespace relfence::players
