// SPDX-License-Identifier: MIT
#include "stateless/h264_headers.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string>

// The parser warns every includer that it may still change.
#define GST_USE_UNSTABLE_API
#include <gst/codecparsers/gsth264parser.h>

#include "stateless/h264_order.hpp"
#include "stateless/h264_references.hpp"

namespace relfence::stateless {
namespace {

tl::unexpected<Error> bad(const char* what) {
    return tl::make_unexpected(Error{EBADMSG, "parse H.264", what, {}});
}

v4l2_ctrl_h264_sps to_control(const GstH264SPS& from) {
    v4l2_ctrl_h264_sps to{};
    to.profile_idc = from.profile_idc;
    to.constraint_set_flags =
        static_cast<__u8>(from.constraint_set0_flag | from.constraint_set1_flag << 1 |
                          from.constraint_set2_flag << 2 | from.constraint_set3_flag << 3 |
                          from.constraint_set4_flag << 4 | from.constraint_set5_flag << 5);
    to.level_idc = from.level_idc;
    to.seq_parameter_set_id = static_cast<__u8>(from.id);
    to.chroma_format_idc = from.chroma_format_idc;
    to.bit_depth_luma_minus8 = from.bit_depth_luma_minus8;
    to.bit_depth_chroma_minus8 = from.bit_depth_chroma_minus8;
    to.log2_max_frame_num_minus4 = from.log2_max_frame_num_minus4;
    to.pic_order_cnt_type = from.pic_order_cnt_type;
    to.log2_max_pic_order_cnt_lsb_minus4 = from.log2_max_pic_order_cnt_lsb_minus4;
    to.max_num_ref_frames = static_cast<__u8>(from.num_ref_frames);
    to.num_ref_frames_in_pic_order_cnt_cycle = from.num_ref_frames_in_pic_order_cnt_cycle;
    std::copy(std::begin(from.offset_for_ref_frame), std::end(from.offset_for_ref_frame),
              std::begin(to.offset_for_ref_frame));
    to.offset_for_non_ref_pic = from.offset_for_non_ref_pic;
    to.offset_for_top_to_bottom_field = from.offset_for_top_to_bottom_field;
    to.pic_width_in_mbs_minus1 = static_cast<__u16>(from.pic_width_in_mbs_minus1);
    to.pic_height_in_map_units_minus1 = static_cast<__u16>(from.pic_height_in_map_units_minus1);
    const auto flag = [&](bool set, std::uint32_t value) { to.flags |= set ? value : 0U; };
    flag(from.separate_colour_plane_flag, V4L2_H264_SPS_FLAG_SEPARATE_COLOUR_PLANE);
    flag(from.qpprime_y_zero_transform_bypass_flag,
         V4L2_H264_SPS_FLAG_QPPRIME_Y_ZERO_TRANSFORM_BYPASS);
    flag(from.delta_pic_order_always_zero_flag, V4L2_H264_SPS_FLAG_DELTA_PIC_ORDER_ALWAYS_ZERO);
    flag(from.gaps_in_frame_num_value_allowed_flag,
         V4L2_H264_SPS_FLAG_GAPS_IN_FRAME_NUM_VALUE_ALLOWED);
    flag(from.frame_mbs_only_flag, V4L2_H264_SPS_FLAG_FRAME_MBS_ONLY);
    flag(from.mb_adaptive_frame_field_flag, V4L2_H264_SPS_FLAG_MB_ADAPTIVE_FRAME_FIELD);
    flag(from.direct_8x8_inference_flag, V4L2_H264_SPS_FLAG_DIRECT_8X8_INFERENCE);
    return to;
}

v4l2_ctrl_h264_pps to_control(const GstH264PPS& from, const GstH264SPS& sps) {
    v4l2_ctrl_h264_pps to{};
    to.pic_parameter_set_id = static_cast<__u8>(from.id);
    to.seq_parameter_set_id = static_cast<__u8>(sps.id);
    to.num_slice_groups_minus1 = static_cast<__u8>(from.num_slice_groups_minus1);
    to.num_ref_idx_l0_default_active_minus1 = from.num_ref_idx_l0_active_minus1;
    to.num_ref_idx_l1_default_active_minus1 = from.num_ref_idx_l1_active_minus1;
    to.weighted_bipred_idc = from.weighted_bipred_idc;
    to.pic_init_qp_minus26 = from.pic_init_qp_minus26;
    to.pic_init_qs_minus26 = from.pic_init_qs_minus26;
    to.chroma_qp_index_offset = from.chroma_qp_index_offset;
    to.second_chroma_qp_index_offset = static_cast<__s8>(from.second_chroma_qp_index_offset);
    const auto flag = [&](bool set, unsigned value) {
        to.flags = static_cast<__u16>(to.flags | (set ? value : 0U));
    };
    flag(from.entropy_coding_mode_flag, V4L2_H264_PPS_FLAG_ENTROPY_CODING_MODE);
    flag(from.pic_order_present_flag, V4L2_H264_PPS_FLAG_BOTTOM_FIELD_PIC_ORDER_IN_FRAME_PRESENT);
    flag(from.weighted_pred_flag, V4L2_H264_PPS_FLAG_WEIGHTED_PRED);
    flag(from.deblocking_filter_control_present_flag,
         V4L2_H264_PPS_FLAG_DEBLOCKING_FILTER_CONTROL_PRESENT);
    flag(from.constrained_intra_pred_flag, V4L2_H264_PPS_FLAG_CONSTRAINED_INTRA_PRED);
    flag(from.redundant_pic_cnt_present_flag, V4L2_H264_PPS_FLAG_REDUNDANT_PIC_CNT_PRESENT);
    flag(from.transform_8x8_mode_flag, V4L2_H264_PPS_FLAG_TRANSFORM_8X8_MODE);
    // Of V4L2 it means that the matrix is not flat, whichever parameter set it comes from.
    flag(from.pic_scaling_matrix_present_flag || sps.scaling_matrix_present_flag,
         V4L2_H264_PPS_FLAG_SCALING_MATRIX_PRESENT);
    return to;
}

v4l2_ctrl_h264_scaling_matrix scaling_of(const GstH264PPS& pps) {
    v4l2_ctrl_h264_scaling_matrix to{};
    for (std::size_t i = 0; i < 6; ++i) {
        gst_h264_quant_matrix_4x4_get_raster_from_zigzag(to.scaling_list_4x4[i],
                                                         pps.scaling_lists_4x4[i]);
        gst_h264_quant_matrix_8x8_get_raster_from_zigzag(to.scaling_list_8x8[i],
                                                         pps.scaling_lists_8x8[i]);
    }
    return to;
}

void describe_slice(const GstH264SliceHdr& slice, const GstH264NalUnit& nal,
                    v4l2_ctrl_h264_decode_params& to) {
    to.nal_ref_idc = nal.ref_idc;
    to.frame_num = slice.frame_num;
    to.idr_pic_id = slice.idr_pic_id;
    to.pic_order_cnt_lsb = slice.pic_order_cnt_lsb;
    to.delta_pic_order_cnt_bottom = slice.delta_pic_order_cnt_bottom;
    to.delta_pic_order_cnt0 = slice.delta_pic_order_cnt[0];
    to.delta_pic_order_cnt1 = slice.delta_pic_order_cnt[1];
    to.dec_ref_pic_marking_bit_size = slice.dec_ref_pic_marking.bit_size;
    to.pic_order_cnt_bit_size = slice.pic_order_cnt_bit_size;
    if (nal.type == GST_H264_NAL_SLICE_IDR) to.flags |= V4L2_H264_DECODE_PARAM_FLAG_IDR_PIC;
    if (slice.field_pic_flag) to.flags |= V4L2_H264_DECODE_PARAM_FLAG_FIELD_PIC;
    if (slice.bottom_field_flag) to.flags |= V4L2_H264_DECODE_PARAM_FLAG_BOTTOM_FIELD;
    if (slice.type % 5 == 0) to.flags |= V4L2_H264_DECODE_PARAM_FLAG_PFRAME;
    if (slice.type % 5 == 1) to.flags |= V4L2_H264_DECODE_PARAM_FLAG_BFRAME;
}

H264Picture references_of(const GstH264SliceHdr& slice, const GstH264NalUnit& nal) {
    H264Picture to;
    to.frame_num = slice.frame_num;
    if (slice.field_pic_flag)
        to.structure =
            slice.bottom_field_flag ? V4L2_H264_BOTTOM_FIELD_REF : V4L2_H264_TOP_FIELD_REF;
    to.idr = nal.type == GST_H264_NAL_SLICE_IDR;
    to.reference = nal.ref_idc != 0;
    const GstH264DecRefPicMarking& marking = slice.dec_ref_pic_marking;
    to.long_term_idr = to.idr && marking.long_term_reference_flag;
    to.adaptive = marking.adaptive_ref_pic_marking_mode_flag != 0;
    for (std::size_t i = 0; to.adaptive && i < marking.n_ref_pic_marking; ++i) {
        const GstH264RefPicMarking& one = marking.ref_pic_marking[i];
        const unsigned operation = one.memory_management_control_operation;
        to.marking.push_back({operation, one.difference_of_pic_nums_minus1,
                              operation == 2   ? one.long_term_pic_num
                              : operation == 4 ? one.max_long_term_frame_idx_plus1
                                               : one.long_term_frame_idx});
    }
    return to;
}

/// Goes through a stream NAL unit by NAL unit.
class Parser {
  public:
    Parser() : parser_(gst_h264_nal_parser_new(), gst_h264_nal_parser_free) {}

    Result<void> unit(GstH264NalUnit& nal, std::span<const std::uint8_t> stream) {
        if (nal.type != GST_H264_NAL_SLICE && nal.type != GST_H264_NAL_SLICE_IDR) {
            if (gst_h264_parser_parse_nal(parser_.get(), &nal) != GST_H264_PARSER_OK &&
                (nal.type == GST_H264_NAL_SPS || nal.type == GST_H264_NAL_PPS))
                return bad("a parameter set");
            return {};
        }
        GstH264SliceHdr slice{};
        if (gst_h264_parser_parse_slice_hdr(parser_.get(), &nal, &slice, TRUE, TRUE) !=
            GST_H264_PARSER_OK)
            return bad("a slice header");
        if (slice.redundant_pic_cnt != 0) return {};
        if (slice.first_mb_in_slice == 0) {
            finish();
            start(slice, nal);
        }
        if (pictures_.empty()) return bad("a slice without the beginning of its picture");
        auto& data = pictures_.back().slices;
        const auto bytes = stream.subspan(nal.sc_offset, nal.offset - nal.sc_offset + nal.size);
        data.insert(data.end(), bytes.begin(), bytes.end());
        return {};
    }
    std::vector<H264CodedPicture> result() {
        finish();
        return std::move(pictures_);
    }

  private:
    void start(const GstH264SliceHdr& slice, const GstH264NalUnit& nal) {
        const GstH264SPS& sps = *slice.pps->sequence;
        H264CodedPicture picture;
        picture.sps = to_control(sps);
        picture.pps = to_control(*slice.pps, sps);
        picture.scaling = scaling_of(*slice.pps);
        describe_slice(slice, nal, picture.decode);
        H264Picture state = references_of(slice, nal);

        // H.264 3.30: the second field has the other parity, the same number, and is not IDR unless
        // the first one is; one that is no reference may follow one that is.
        if (current_ && waiting_for_second_ && slice.field_pic_flag &&
            (current_->structure ^ state.structure) == V4L2_H264_FRAME_REF &&
            current_->frame_num == state.frame_num && (current_->idr || !state.idr) &&
            (current_->reference || !state.reference)) {
            picture.second_field = true;
            pictures_.back().first_field = true;
            state.poc = current_->poc;
            state.second_field = true;
            waiting_for_second_ = false;
        } else {
            waiting_for_second_ = slice.field_pic_flag != 0;
            if (current_) ++frame_;
        }
        picture.frame = state.frame = frame_;
        if (state.idr && !state.second_field)
            references_.forget_all();
        else if (sps.gaps_in_frame_num_value_allowed_flag && !state.second_field &&
                 state.frame_num != references_.previous_number())
            references_.fill_gap(state.frame_num, picture.sps);
        order_.count(picture.sps, picture.decode, state.poc);
        picture.decode.top_field_order_cnt = state.poc[0];
        picture.decode.bottom_field_order_cnt = state.poc[1];
        references_.describe(state, picture.sps, picture.decode);
        current_ = std::move(state);
        pictures_.push_back(std::move(picture));
    }

    void finish() {
        if (!current_ || finished_ == pictures_.size()) return;
        finished_ = pictures_.size();
        if (references_.mark(*current_, pictures_.back().sps))
            order_.restart(current_->poc[0], current_->structure == V4L2_H264_BOTTOM_FIELD_REF);
    }

    std::unique_ptr<GstH264NalParser, void (*)(GstH264NalParser*)> parser_;
    std::vector<H264CodedPicture> pictures_;
    H264References references_;
    H264OrderCounts order_;
    std::optional<H264Picture> current_;
    std::size_t frame_ = 0, finished_ = 0;
    bool waiting_for_second_ = false;
};

}  // namespace

Result<std::vector<H264CodedPicture>> parse_h264(std::span<const std::uint8_t> stream) {
    Parser parser;
    GstH264NalUnit nal{};
    GstH264NalParser* finder = gst_h264_nal_parser_new();
    const std::unique_ptr<GstH264NalParser, void (*)(GstH264NalParser*)> owner(
        finder, gst_h264_nal_parser_free);
    for (guint offset = 0; offset < stream.size();) {
        const GstH264ParserResult found =
            gst_h264_parser_identify_nalu(finder, stream.data(), offset, stream.size(), &nal);
        // The last one of the stream has no start code behind it.
        if (found != GST_H264_PARSER_OK && found != GST_H264_PARSER_NO_NAL_END) break;
        if (auto done = parser.unit(nal, stream); !done) return tl::make_unexpected(done.error());
        offset = nal.offset + nal.size;
    }
    auto pictures = parser.result();
    if (pictures.empty()) return bad("no picture");
    return pictures;
}

}  // namespace relfence::stateless
