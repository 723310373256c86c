// SPDX-License-Identifier: MIT
#include "board/vpu/h264_fields.hpp"

#include <vector>

namespace relfence::board::vpu::h264_fields {

std::span<const regs::Field> all() {
    static const std::vector<regs::Field> fields = [] {
        std::vector<regs::Field> list{
            filtering_dis, init_qp,         stream_len,       start_code_e,    ch_8pix_ileav_e,
            rlc_mode_e,    pic_interlace_e, pic_topfield_e,   pic_fieldmode_e, write_mvs_e,
            seq_mbaff_e,   picord_count_e,  qtable_base,      dir_mv_base,     dec_out_base,
            rlc_vlc_base,  refbu_e,         refer_lterm_e,    refer_valid_e,   strm_start_bit,
            ch_qp_offset2, ch_qp_offset,    pic_mb_height,    pic_mb_width,    weight_bipr_idc,
            ref_frames,    filt_ctrl_pres,  rdpic_cnt_pres,   framenum_len,    framenum,
            refpic_mk_len, idr_pic_id,      pps_id,           refidx1_active,  refidx0_active,
            poc_length,    idr_pic_e,       dir_8x8_infer_e,  blackwhite_e,    cabac_e,
            weight_pred_e, const_intra_e,   trans_8x8_flag_e, type1_quant_e,   fieldpic_flag_e};
        for (const auto* group :
             {&pinit_rlist, &binit_rlist_f, &binit_rlist_b, &refer_nbr, &refer_base})
            list.insert(list.end(), group->begin(), group->end());
        return list;
    }();
    return fields;
}

}  // namespace relfence::board::vpu::h264_fields
