// SPDX-License-Identifier: MIT
#include "stateless/h264_order.hpp"

namespace relfence::stateless {
namespace {

/// expectedPicOrderCnt of type 1, H.264 8.2.1.2.
std::int32_t expected_count(const v4l2_ctrl_h264_sps& sps, std::int32_t absolute, bool reference) {
    const std::int32_t cycle = sps.num_ref_frames_in_pic_order_cnt_cycle;
    if (cycle == 0) absolute = 0;
    if (!reference && absolute > 0) --absolute;
    std::int32_t count = 0;
    if (absolute > 0) {
        std::int32_t whole = 0;
        for (std::int32_t i = 0; i < cycle; ++i) whole += sps.offset_for_ref_frame[i];
        count = (absolute - 1) / cycle * whole;
        for (std::int32_t i = 0; i <= (absolute - 1) % cycle; ++i)
            count += sps.offset_for_ref_frame[i];
    }
    return reference ? count : count + sps.offset_for_non_ref_pic;
}

}  // namespace

void H264OrderCounts::count(const v4l2_ctrl_h264_sps& sps,
                            const v4l2_ctrl_h264_decode_params& params,
                            std::array<std::int32_t, 2>& poc) {
    const bool idr = (params.flags & V4L2_H264_DECODE_PARAM_FLAG_IDR_PIC) != 0;
    const bool field = (params.flags & V4L2_H264_DECODE_PARAM_FLAG_FIELD_PIC) != 0;
    const bool bottom = (params.flags & V4L2_H264_DECODE_PARAM_FLAG_BOTTOM_FIELD) != 0;
    const bool reference = params.nal_ref_idc != 0;
    std::int32_t top_count = 0, bottom_count = 0;
    if (sps.pic_order_cnt_type == 0) {
        if (idr) previous_msb_ = previous_lsb_ = 0;
        const std::int32_t range = 1 << (sps.log2_max_pic_order_cnt_lsb_minus4 + 4);
        const std::int32_t lsb = params.pic_order_cnt_lsb;
        std::int32_t msb = previous_msb_;
        if (lsb < previous_lsb_ && previous_lsb_ - lsb >= range / 2)
            msb += range;
        else if (lsb > previous_lsb_ && lsb - previous_lsb_ > range / 2)
            msb -= range;
        top_count = msb + lsb;
        bottom_count = field ? top_count : top_count + params.delta_pic_order_cnt_bottom;
        if (reference) {
            previous_msb_ = msb;
            previous_lsb_ = lsb;
        }
    } else {
        const std::int32_t range = 1 << (sps.log2_max_frame_num_minus4 + 4);
        std::int32_t offset = idr ? 0 : previous_offset_;
        if (!idr && previous_number_ > params.frame_num) offset += range;
        const std::int32_t absolute = offset + params.frame_num;
        if (sps.pic_order_cnt_type == 2) {
            top_count = idr ? 0 : 2 * absolute - (reference ? 0 : 1);
            bottom_count = top_count;
        } else {
            const std::int32_t expected = expected_count(sps, absolute, reference);
            top_count = expected + params.delta_pic_order_cnt0;
            bottom_count =
                field
                    ? expected + sps.offset_for_top_to_bottom_field + params.delta_pic_order_cnt0
                    : top_count + sps.offset_for_top_to_bottom_field + params.delta_pic_order_cnt1;
        }
        previous_offset_ = offset;
        previous_number_ = params.frame_num;
    }
    if (!field || !bottom) poc[0] = top_count;
    if (!field || bottom) poc[1] = bottom_count;
}

void H264OrderCounts::restart(std::int32_t top, bool bottom_field) {
    previous_msb_ = 0;
    previous_lsb_ = bottom_field ? 0 : top;
    previous_offset_ = 0;
    previous_number_ = 0;
}

}  // namespace relfence::stateless
