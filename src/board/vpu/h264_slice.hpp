// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "board/vpu/h264_job.hpp"

namespace relfence::board::vpu {

enum class SliceKind : std::uint8_t { p, b, i };

/// One command of ref_pic_list_modification(), H.264 7.3.3.1.
struct ListChange {
    std::uint32_t operation;
    std::uint32_t value;
};

/// A slice of the stream: its header as far as the engine has to know it, and where the rest is.
struct H264Slice {
    std::vector<std::uint8_t> payload;  ///< without NAL header and emulation prevention
    unsigned nal_ref_idc = 0;
    std::uint32_t first_mb = 0, type = 0;  ///< type as in the stream, 0 to 9
    SliceKind kind = SliceKind::i;
    bool direct_spatial = false;
    unsigned redundant_count = 0;
    std::array<unsigned, 2> active_refs{};  ///< 0 where the kind has no such list
    std::array<std::vector<ListChange>, 2> changes;
    /// Bit positions in the payload: the weights; what follows the marking, up to the data.
    std::size_t weights_begin = 0, weights_end = 0, tail_begin = 0, data_begin = 0;
};

/// Parses the slices of a job as the hardware does: with the sizes of syntax elements that the
/// driver programmed. Other NAL units are passed over, redundant slices too.
/// @return EBADMSG when there is none, or one that cannot be
[[nodiscard]] Result<std::vector<H264Slice>> parse_slices(const H264Job& job);

/// A picture in a list: a slot, and which field of it (both_fields in a frame).
struct ListEntry {
    std::size_t slot;
    FieldMask fields;
};
/// The list of a slice after its modifications; nullopt where it names no picture.
using RefList = std::vector<std::optional<ListEntry>>;

/// Makes the list from the programmed initial list. For fields, what the driver programs is only
/// the frames of the other parity; both parities are put in here, as H.264 8.2.4.2.5 says.
/// @param list 0 or 1
[[nodiscard]] RefList make_ref_list(const H264Job& job, const H264Slice& slice, unsigned list);

}  // namespace relfence::board::vpu
