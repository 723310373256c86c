// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <span>

#include <relfence/regs/register_bank.hpp>

namespace relfence::board::vpu::h264_fields {

/// The H.264 view of VDPU2's registers. Offsets and bits: rockchip_vpu2_hw_h264_dec.c of Linux
/// 6.12, whose macros are these names without "sw_".

inline constexpr regs::Field filtering_dis{"sw_filtering_dis", 0x0c8, 8, 1};
inline constexpr regs::Field init_qp{"sw_init_qp", 0x0cc, 25, 6};
inline constexpr regs::Field stream_len{"sw_stream_len", 0x0cc, 0, 24};
inline constexpr regs::Field start_code_e{"sw_start_code_e", 0x0e4, 22, 1};
inline constexpr regs::Field ch_8pix_ileav_e{"sw_ch_8pix_ileav_e", 0x0e4, 21, 1};
inline constexpr regs::Field rlc_mode_e{"sw_rlc_mode_e", 0x0e4, 20, 1};
inline constexpr regs::Field pic_interlace_e{"sw_pic_interlace_e", 0x0e4, 17, 1};
inline constexpr regs::Field pic_fieldmode_e{"sw_pic_fieldmode_e", 0x0e4, 16, 1};
inline constexpr regs::Field pic_topfield_e{"sw_pic_topfield_e", 0x0e4, 13, 1};
inline constexpr regs::Field write_mvs_e{"sw_write_mvs_e", 0x0e4, 10, 1};
inline constexpr regs::Field seq_mbaff_e{"sw_seq_mbaff_e", 0x0e4, 7, 1};
inline constexpr regs::Field picord_count_e{"sw_picord_count_e", 0x0e4, 6, 1};

/// The CABAC table, the picture order counts and the scaling lists, one after the other.
inline constexpr regs::Field qtable_base{"sw_qtable_base", 0x0f4, 0, 32};
inline constexpr regs::Field dir_mv_base{"sw_dir_mv_base", 0x0f8, 0, 32};
inline constexpr regs::Field dec_out_base{"sw_dec_out_base", 0x0fc, 0, 32};
inline constexpr regs::Field rlc_vlc_base{"sw_rlc_vlc_base", 0x100, 0, 32};
inline constexpr regs::Field refbu_e{"sw_refbu_e", 0x104, 31, 1};

inline constexpr regs::Field refer_lterm_e{"sw_refer_lterm_e", 0x1ac, 0, 32};
inline constexpr regs::Field refer_valid_e{"sw_refer_valid_e", 0x1b0, 0, 32};
inline constexpr regs::Field strm_start_bit{"sw_strm_start_bit", 0x1b4, 0, 6};
inline constexpr regs::Field ch_qp_offset2{"sw_ch_qp_offset2", 0x1b8, 22, 5};
inline constexpr regs::Field ch_qp_offset{"sw_ch_qp_offset", 0x1b8, 17, 5};
inline constexpr regs::Field pic_mb_height{"sw_pic_mb_height_p", 0x1b8, 9, 8};
inline constexpr regs::Field pic_mb_width{"sw_pic_mb_width", 0x1b8, 0, 9};
inline constexpr regs::Field weight_bipr_idc{"sw_weight_bipr_idc", 0x1bc, 16, 2};
inline constexpr regs::Field ref_frames{"sw_ref_frames", 0x1bc, 0, 5};
inline constexpr regs::Field filt_ctrl_pres{"sw_filt_ctrl_pres", 0x1c0, 31, 1};
inline constexpr regs::Field rdpic_cnt_pres{"sw_rdpic_cnt_pres", 0x1c0, 30, 1};
inline constexpr regs::Field framenum_len{"sw_framenum_len", 0x1c0, 16, 5};
inline constexpr regs::Field framenum{"sw_framenum", 0x1c0, 0, 16};
inline constexpr regs::Field refpic_mk_len{"sw_refpic_mk_len", 0x1c4, 16, 11};
inline constexpr regs::Field idr_pic_id{"sw_idr_pic_id", 0x1c4, 0, 16};
inline constexpr regs::Field pps_id{"sw_pps_id", 0x1c8, 24, 8};
inline constexpr regs::Field refidx1_active{"sw_refidx1_active", 0x1c8, 19, 5};
inline constexpr regs::Field refidx0_active{"sw_refidx0_active", 0x1c8, 14, 5};
inline constexpr regs::Field poc_length{"sw_poc_length", 0x1c8, 0, 8};
inline constexpr regs::Field idr_pic_e{"sw_idr_pic_e", 0x1cc, 8, 1};
inline constexpr regs::Field dir_8x8_infer_e{"sw_dir_8x8_infer_e", 0x1cc, 7, 1};
inline constexpr regs::Field blackwhite_e{"sw_blackwhite_e", 0x1cc, 6, 1};
inline constexpr regs::Field cabac_e{"sw_cabac_e", 0x1cc, 5, 1};
inline constexpr regs::Field weight_pred_e{"sw_weight_pred_e", 0x1cc, 4, 1};
inline constexpr regs::Field const_intra_e{"sw_const_intra_e", 0x1cc, 3, 1};
inline constexpr regs::Field trans_8x8_flag_e{"sw_8x8trans_flag_e", 0x1cc, 2, 1};
inline constexpr regs::Field type1_quant_e{"sw_type1_quant_e", 0x1cc, 1, 1};
inline constexpr regs::Field fieldpic_flag_e{"sw_fieldpic_flag_e", 0x1cc, 0, 1};

/// The initial list of P slices, entry by entry: indices of reference pictures.
inline constexpr std::array<regs::Field, 16> pinit_rlist{{
    {"sw_pinit_rlist_f0", 0x1a8, 0, 5},
    {"sw_pinit_rlist_f1", 0x1a8, 5, 5},
    {"sw_pinit_rlist_f2", 0x1a8, 10, 5},
    {"sw_pinit_rlist_f3", 0x1a8, 15, 5},
    {"sw_pinit_rlist_f4", 0x128, 0, 5},
    {"sw_pinit_rlist_f5", 0x128, 5, 5},
    {"sw_pinit_rlist_f6", 0x128, 10, 5},
    {"sw_pinit_rlist_f7", 0x128, 15, 5},
    {"sw_pinit_rlist_f8", 0x128, 20, 5},
    {"sw_pinit_rlist_f9", 0x128, 25, 5},
    {"sw_pinit_rlist_f10", 0x12c, 0, 5},
    {"sw_pinit_rlist_f11", 0x12c, 5, 5},
    {"sw_pinit_rlist_f12", 0x12c, 10, 5},
    {"sw_pinit_rlist_f13", 0x12c, 15, 5},
    {"sw_pinit_rlist_f14", 0x12c, 20, 5},
    {"sw_pinit_rlist_f15", 0x12c, 25, 5},
}};
/// The same for list 0 (f) and list 1 (b) of B slices.
inline constexpr std::array<regs::Field, 16> binit_rlist_f{{
    {"sw_binit_rlist_f0", 0x190, 0, 5},
    {"sw_binit_rlist_f1", 0x190, 5, 5},
    {"sw_binit_rlist_f2", 0x190, 10, 5},
    {"sw_binit_rlist_f3", 0x190, 15, 5},
    {"sw_binit_rlist_f4", 0x190, 20, 5},
    {"sw_binit_rlist_f5", 0x190, 25, 5},
    {"sw_binit_rlist_f6", 0x194, 0, 5},
    {"sw_binit_rlist_f7", 0x194, 5, 5},
    {"sw_binit_rlist_f8", 0x194, 10, 5},
    {"sw_binit_rlist_f9", 0x194, 15, 5},
    {"sw_binit_rlist_f10", 0x194, 20, 5},
    {"sw_binit_rlist_f11", 0x194, 25, 5},
    {"sw_binit_rlist_f12", 0x198, 0, 5},
    {"sw_binit_rlist_f13", 0x198, 5, 5},
    {"sw_binit_rlist_f14", 0x198, 10, 5},
    {"sw_binit_rlist_f15", 0x198, 15, 5},
}};
inline constexpr std::array<regs::Field, 16> binit_rlist_b{{
    {"sw_binit_rlist_b0", 0x19c, 0, 5},
    {"sw_binit_rlist_b1", 0x19c, 5, 5},
    {"sw_binit_rlist_b2", 0x19c, 10, 5},
    {"sw_binit_rlist_b3", 0x19c, 15, 5},
    {"sw_binit_rlist_b4", 0x19c, 20, 5},
    {"sw_binit_rlist_b5", 0x19c, 25, 5},
    {"sw_binit_rlist_b6", 0x1a0, 0, 5},
    {"sw_binit_rlist_b7", 0x1a0, 5, 5},
    {"sw_binit_rlist_b8", 0x1a0, 10, 5},
    {"sw_binit_rlist_b9", 0x1a0, 15, 5},
    {"sw_binit_rlist_b10", 0x1a0, 20, 5},
    {"sw_binit_rlist_b11", 0x1a0, 25, 5},
    {"sw_binit_rlist_b12", 0x1a4, 0, 5},
    {"sw_binit_rlist_b13", 0x1a4, 5, 5},
    {"sw_binit_rlist_b14", 0x1a4, 10, 5},
    {"sw_binit_rlist_b15", 0x1a4, 15, 5},
}};
/// frame_num of each reference picture, or its long term index.
inline constexpr std::array<regs::Field, 16> refer_nbr{{
    {"sw_refer0_nbr", 0x130, 0, 16},
    {"sw_refer1_nbr", 0x130, 16, 16},
    {"sw_refer2_nbr", 0x134, 0, 16},
    {"sw_refer3_nbr", 0x134, 16, 16},
    {"sw_refer4_nbr", 0x138, 0, 16},
    {"sw_refer5_nbr", 0x138, 16, 16},
    {"sw_refer6_nbr", 0x13c, 0, 16},
    {"sw_refer7_nbr", 0x13c, 16, 16},
    {"sw_refer8_nbr", 0x140, 0, 16},
    {"sw_refer9_nbr", 0x140, 16, 16},
    {"sw_refer10_nbr", 0x144, 0, 16},
    {"sw_refer11_nbr", 0x144, 16, 16},
    {"sw_refer12_nbr", 0x148, 0, 16},
    {"sw_refer13_nbr", 0x148, 16, 16},
    {"sw_refer14_nbr", 0x14c, 0, 16},
    {"sw_refer15_nbr", 0x14c, 16, 16},
}};
/// Address of each reference picture; its two lowest bits are flags: 1, the field, and 0, that the
/// top field is the closer one.
inline constexpr std::array<regs::Field, 16> refer_base{{
    {"sw_refer0_base", 0x150, 0, 32},
    {"sw_refer1_base", 0x154, 0, 32},
    {"sw_refer2_base", 0x158, 0, 32},
    {"sw_refer3_base", 0x15c, 0, 32},
    {"sw_refer4_base", 0x160, 0, 32},
    {"sw_refer5_base", 0x164, 0, 32},
    {"sw_refer6_base", 0x168, 0, 32},
    {"sw_refer7_base", 0x16c, 0, 32},
    {"sw_refer8_base", 0x170, 0, 32},
    {"sw_refer9_base", 0x174, 0, 32},
    {"sw_refer10_base", 0x178, 0, 32},
    {"sw_refer11_base", 0x17c, 0, 32},
    {"sw_refer12_base", 0x180, 0, 32},
    {"sw_refer13_base", 0x184, 0, 32},
    {"sw_refer14_base", 0x188, 0, 32},
    {"sw_refer15_base", 0x18c, 0, 32},
}};

/// All of them, for RegisterBank::add_view.
[[nodiscard]] std::span<const regs::Field> all();

}  // namespace relfence::board::vpu::h264_fields
