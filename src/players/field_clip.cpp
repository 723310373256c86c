// SPDX-License-Identifier: MIT
#include "players/field_clip.hpp"

#include <algorithm>
#include <array>

namespace relfence::players {
namespace {

constexpr auto stream = std::to_array<std::uint8_t>({
#include "players/fields.inc"
});

constexpr std::array<std::uint8_t, 4> start_code{0, 0, 0, 1};
constexpr std::uint8_t nal_type_mask = 0x1f;
constexpr std::uint8_t slice = 1, idr_slice = 5;
constexpr std::uint8_t flat = 16;  ///< scaling that changes nothing

/// The pictures' slices, of which each has one, with their start codes.
std::vector<std::vector<std::uint8_t>> find_slices() {
    std::vector<std::vector<std::uint8_t>> slices;
    const auto next = [](auto from) {
        return std::search(from, stream.end(), start_code.begin(), start_code.end());
    };
    for (auto begin = next(stream.begin()); begin != stream.end();) {
        const auto end = next(begin + start_code.size());
        const auto type = static_cast<std::uint8_t>(begin[start_code.size()] & nal_type_mask);
        if (type == slice || type == idr_slice) slices.emplace_back(begin, end);
        begin = end;
    }
    return slices;
}

v4l2_ctrl_h264_sps sequence() {
    v4l2_ctrl_h264_sps sps{};
    sps.profile_idc = 100;
    sps.level_idc = 40;
    sps.chroma_format_idc = 1;
    sps.log2_max_pic_order_cnt_lsb_minus4 = 4;
    sps.max_num_ref_frames = 2;
    sps.pic_width_in_mbs_minus1 = 10;
    sps.pic_height_in_map_units_minus1 = 4;
    sps.flags = V4L2_H264_SPS_FLAG_DIRECT_8X8_INFERENCE;
    return sps;
}

v4l2_ctrl_h264_pps parameters() {
    v4l2_ctrl_h264_pps pps{};
    pps.pic_init_qp_minus26 = 25;
    pps.chroma_qp_index_offset = -2;
    pps.second_chroma_qp_index_offset = -2;
    pps.flags = V4L2_H264_PPS_FLAG_BOTTOM_FIELD_PIC_ORDER_IN_FRAME_PRESENT |
                V4L2_H264_PPS_FLAG_DEBLOCKING_FILTER_CONTROL_PRESENT |
                V4L2_H264_PPS_FLAG_TRANSFORM_8X8_MODE;
    return pps;
}

/// A frame as later fields refer to it: its number in coding order is the half of its top field's
/// order count, and its frame_num.
v4l2_h264_dpb_entry reference(std::uint16_t frame, std::uint8_t fields) {
    v4l2_h264_dpb_entry entry{};
    entry.reference_ts = stateless::h264_timestamp(frame);
    entry.pic_num = frame;
    entry.frame_num = frame;
    entry.fields = fields;
    entry.top_field_order_cnt = 2 * frame;
    if ((fields & V4L2_H264_BOTTOM_FIELD_REF) != 0) entry.bottom_field_order_cnt = 2 * frame + 1;
    entry.flags = V4L2_H264_DPB_ENTRY_FLAG_VALID | V4L2_H264_DPB_ENTRY_FLAG_ACTIVE |
                  V4L2_H264_DPB_ENTRY_FLAG_FIELD;
    return entry;
}

/// @param number of the field in coding order
v4l2_ctrl_h264_decode_params field(std::uint16_t number) {
    const auto frame = static_cast<std::uint16_t>(number / 2);
    const bool second = number % 2 == 1;
    v4l2_ctrl_h264_decode_params params{};
    params.nal_ref_idc = frame == 0 ? 3 : 2;
    params.frame_num = frame;
    params.pic_order_cnt_lsb = number;
    params.top_field_order_cnt = 2 * frame;
    if (second) params.bottom_field_order_cnt = number;
    params.dec_ref_pic_marking_bit_size = number == 0 ? 2 : 1;
    params.pic_order_cnt_bit_size = 8;
    params.flags = V4L2_H264_DECODE_PARAM_FLAG_FIELD_PIC;
    if (number == 0) params.flags |= V4L2_H264_DECODE_PARAM_FLAG_IDR_PIC;
    if (second) params.flags |= V4L2_H264_DECODE_PARAM_FLAG_BOTTOM_FIELD;
    if (frame > 0) params.flags |= V4L2_H264_DECODE_PARAM_FLAG_PFRAME;
    std::size_t count = 0;
    if (frame > 0) params.dpb[count++] = reference(0, V4L2_H264_FRAME_REF);
    if (second) params.dpb[count++] = reference(frame, V4L2_H264_TOP_FIELD_REF);
    return params;
}

}  // namespace

std::span<const std::uint8_t> field_stream() {
    return stream;
}

std::vector<stateless::H264CodedPicture> field_pictures() {
    std::vector<stateless::H264CodedPicture> pictures;
    for (auto& bytes : find_slices()) {
        const std::size_t number = pictures.size();
        stateless::H264CodedPicture picture;
        picture.sps = sequence();
        picture.pps = parameters();
        // Flat: neither parameter set has lists of its own.
        for (auto& list : picture.scaling.scaling_list_4x4) std::ranges::fill(list, flat);
        for (auto& list : picture.scaling.scaling_list_8x8) std::ranges::fill(list, flat);
        picture.decode = field(static_cast<std::uint16_t>(number));
        picture.slices = std::move(bytes);
        picture.frame = number / 2;
        picture.second_field = number % 2 == 1;
        picture.first_field = !picture.second_field;
        pictures.push_back(std::move(picture));
    }
    return pictures;
}

}  // namespace relfence::players
