// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <linux/v4l2-controls.h>
#include <optional>
#include <span>
#include <vector>

#include <relfence/base/error.hpp>

namespace relfence::stateless {

/// One coded picture of an MPEG-2 stream, a frame or a field, as a request for a stateless decoder
/// needs it.
///
/// Frames are counted in coding order from 0; two fields of a frame have the same number.
struct Mpeg2CodedPicture {
    v4l2_ctrl_mpeg2_sequence sequence{};
    /// The timestamps of references are left 0: they are the client's, see `forward`.
    /// Of fields, V4L2_MPEG2_PIC_FLAG_TOP_FIELD_FIRST says whether the top field is the first one
    /// of its frame. In the stream it is 0 there, but the driver tells by it which field is the
    /// first (rockchip_vpu2_mpeg2_dec_set_buffers()).
    v4l2_ctrl_mpeg2_picture picture{};
    v4l2_ctrl_mpeg2_quantisation quantisation{};
    /// The slices with their start codes, in the stream that was parsed.
    std::span<const std::uint8_t> slices;
    std::uint32_t temporal_reference = 0;
    std::size_t frame = 0;
    bool second_field = false;
    /// Frames that it is predicted from; none where the stream begins without.
    std::optional<std::size_t> forward, backward;
};

/// Takes an MPEG-2 elementary stream apart. Headers as in ISO/IEC 13818-2, 6.2.
/// @param stream has to outlive the result
/// @return EBADMSG when a header is missing, damaged, or of MPEG-1
[[nodiscard]] Result<std::vector<Mpeg2CodedPicture>> parse_mpeg2(
    std::span<const std::uint8_t> stream);

}  // namespace relfence::stateless
