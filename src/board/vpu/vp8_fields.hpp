// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <span>

#include <relfence/regs/register_bank.hpp>

namespace relfence::board::vpu::vp8_fields {

/// The VP8 view of VDPU2's registers. Offsets and bits: rockchip_vpu2_regs.h and
/// rockchip_vpu2_hw_vp8_dec.c of Linux 6.12; fields of the same kind are in the order of the codec.

inline constexpr regs::Field skip_mode{"sw_skip_mode", 0x0c8, 9, 1};
inline constexpr regs::Field filtering_dis{"sw_filtering_dis", 0x0c8, 8, 1};
inline constexpr regs::Field stream_len{"sw_stream_len", 0x0cc, 0, 24};
inline constexpr regs::Field pic_inter_e{"sw_pic_inter_e", 0x0e4, 14, 1};
inline constexpr regs::Field qtable_base{"sw_qtable_base", 0x0f4, 0, 32};
inline constexpr regs::Field dec_out_base{"sw_dec_out_base", 0x0fc, 0, 32};

inline constexpr regs::Field pic_mb_width{"sw_pic_mb_width", 0x1e0, 23, 9};
inline constexpr regs::Field pic_mb_height{"sw_pic_mb_height_p", 0x1e0, 11, 8};
inline constexpr regs::Field pic_mb_w_ext{"sw_pic_mb_w_ext", 0x1e0, 3, 3};
inline constexpr regs::Field pic_mb_h_ext{"sw_pic_mb_h_ext", 0x1e0, 0, 3};

/// Set for every version but 3: vectors have fractions.
inline constexpr regs::Field fraction_e{"sw_vc1_height_ext", 0x1e4, 13, 1};
inline constexpr regs::Field bilin_mc_e{"sw_bilin_mc_e", 0x1e4, 12, 1};

inline constexpr regs::Field mb_start_bit{"sw_strm1_start_bit", 0x1e8, 18, 6};
inline constexpr regs::Field boolean_value{"sw_boolean_value", 0x1e8, 8, 8};
inline constexpr regs::Field boolean_range{"sw_boolean_range", 0x1e8, 0, 8};
inline constexpr regs::Field coeffs_part_am{"sw_coeffs_part_am", 0x1f0, 24, 4};
inline constexpr regs::Field mb_stream_len{"sw_stream1_len", 0x1f0, 0, 24};
inline constexpr regs::Field mb_stream_base{"sw_vp8_addr_ctrl_part", 0x244, 0, 32};

inline constexpr std::array<regs::Field, 8> dct_base{{
    {"sw_rlc_vlc_base", 0x100, 0, 32},
    {"sw_dct_strm1_base", 0x230, 0, 32},
    {"sw_dct_strm2_base", 0x234, 0, 32},
    {"sw_dct_strm3_base", 0x238, 0, 32},
    {"sw_dct_strm4_base", 0x23c, 0, 32},
    {"sw_dct_strm5_base", 0x240, 0, 32},
    {"sw_dct_strm6_base", 0x248, 0, 32},
    {"sw_dct_strm7_base", 0x24c, 0, 32},
}};
inline constexpr std::array<regs::Field, 8> dct_start_bit{{
    {"sw_strm_start_bit", 0x1e8, 26, 6},
    {"sw_dct1_start_bit", 0x1e4, 26, 6},
    {"sw_dct2_start_bit", 0x1e4, 20, 6},
    {"sw_dct3_start_bit", 0x258, 24, 6},
    {"sw_dct4_start_bit", 0x258, 18, 6},
    {"sw_dct5_start_bit", 0x258, 12, 6},
    {"sw_dct6_start_bit", 0x258, 6, 6},
    {"sw_dct7_start_bit", 0x258, 0, 6},
}};

/// Last, golden, alternative; the lowest bit of the latter two is the sign bias.
inline constexpr std::array<regs::Field, 3> refer_base{{
    {"sw_refer0_base", 0x20c, 0, 32},
    {"sw_refer4_base", 0x220, 0, 32},
    {"sw_refer5_base", 0x224, 0, 32},
}};

inline constexpr std::array<regs::Field, 4> lf_level{{
    {"sw_filt_level_0", 0x204, 18, 6},
    {"sw_filt_level_1", 0x204, 12, 6},
    {"sw_filt_level_2", 0x204, 6, 6},
    {"sw_filt_level_3", 0x204, 0, 6},
}};
inline constexpr regs::Field filt_type{"sw_filt_type", 0x210, 31, 1};
inline constexpr regs::Field filt_sharpness{"sw_filt_sharpness", 0x210, 28, 3};
inline constexpr std::array<regs::Field, 4> mb_adj{{
    {"sw_filt_mb_adj_0", 0x210, 21, 7},
    {"sw_filt_mb_adj_1", 0x210, 14, 7},
    {"sw_filt_mb_adj_2", 0x210, 7, 7},
    {"sw_filt_mb_adj_3", 0x210, 0, 7},
}};
inline constexpr std::array<regs::Field, 4> ref_adj{{
    {"sw_filt_ref_adj_0", 0x214, 21, 7},
    {"sw_filt_ref_adj_1", 0x214, 14, 7},
    {"sw_filt_ref_adj_2", 0x214, 7, 7},
    {"sw_filt_ref_adj_3", 0x214, 0, 7},
}};

inline constexpr std::array<regs::Field, 4> quant{{
    {"sw_quant_0", 0x208, 11, 11},
    {"sw_quant_1", 0x208, 0, 11},
    {"sw_quant_2", 0x25c, 11, 11},
    {"sw_quant_3", 0x25c, 0, 11},
}};
/// Luma DC, second order DC and AC, chroma DC and AC.
inline constexpr std::array<regs::Field, 5> quant_delta{{
    {"sw_quant_delta_0", 0x208, 27, 5},
    {"sw_quant_delta_1", 0x208, 22, 5},
    {"sw_quant_delta_2", 0x25c, 27, 5},
    {"sw_quant_delta_3", 0x25c, 22, 5},
    {"sw_quant_delta_4", 0x260, 27, 5},
}};

/// The address of the segment map; its lowest two bits are the fields below.
inline constexpr regs::Field segment_base{"sw_segment_base", 0x254, 2, 30};
inline constexpr regs::Field segment_upd_e{"sw_segment_upd_e", 0x254, 1, 1};
inline constexpr regs::Field segment_e{"sw_segment_e", 0x254, 0, 1};

/// The interpolation filter of each eighth of a pixel from 1 to 7, taps from -1 to 2; those of
/// even eighths have a tap more on each side, 2 bits wide.
struct Taps {
    std::array<regs::Field, 4> inner;
    std::array<regs::Field, 2> outer;  ///< taps -2 and 3; of width 0 where there are none
};
inline constexpr regs::Field no_tap{"", 0, 0, 0};
inline constexpr std::array<Taps, 8> taps{{
    {{{{"sw_pred_bc_tap_0_0", 0x0ec, 22, 10},
       {"sw_pred_bc_tap_0_1", 0x0ec, 12, 10},
       {"sw_pred_bc_tap_0_2", 0x0ec, 2, 10},
       {"sw_pred_bc_tap_0_3", 0x264, 22, 10}}},
     {no_tap, no_tap}},
    {{{{"sw_pred_bc_tap_1_0", 0x264, 12, 10},
       {"sw_pred_bc_tap_1_1", 0x264, 2, 10},
       {"sw_pred_bc_tap_1_2", 0x268, 22, 10},
       {"sw_pred_bc_tap_1_3", 0x268, 12, 10}}},
     {no_tap, no_tap}},
    {{{{"sw_pred_bc_tap_2_0", 0x268, 2, 10},
       {"sw_pred_bc_tap_2_1", 0x26c, 22, 10},
       {"sw_pred_bc_tap_2_2", 0x26c, 12, 10},
       {"sw_pred_bc_tap_2_3", 0x26c, 2, 10}}},
     {{{"sw_pred_tap_2_m1", 0x200, 10, 2}, {"sw_pred_tap_2_4", 0x200, 8, 2}}}},
    {{{{"sw_pred_bc_tap_3_0", 0x270, 22, 10},
       {"sw_pred_bc_tap_3_1", 0x270, 12, 10},
       {"sw_pred_bc_tap_3_2", 0x270, 2, 10},
       {"sw_pred_bc_tap_3_3", 0x274, 22, 10}}},
     {no_tap, no_tap}},
    {{{{"sw_pred_bc_tap_4_0", 0x274, 12, 10},
       {"sw_pred_bc_tap_4_1", 0x274, 2, 10},
       {"sw_pred_bc_tap_4_2", 0x278, 22, 10},
       {"sw_pred_bc_tap_4_3", 0x278, 12, 10}}},
     {{{"sw_pred_tap_4_m1", 0x200, 6, 2}, {"sw_pred_tap_4_4", 0x200, 4, 2}}}},
    {{{{"sw_pred_bc_tap_5_0", 0x278, 2, 10},
       {"sw_pred_bc_tap_5_1", 0x1f4, 22, 10},
       {"sw_pred_bc_tap_5_2", 0x1f4, 12, 10},
       {"sw_pred_bc_tap_5_3", 0x1f4, 2, 10}}},
     {no_tap, no_tap}},
    {{{{"sw_pred_bc_tap_6_0", 0x1f8, 22, 10},
       {"sw_pred_bc_tap_6_1", 0x1f8, 12, 10},
       {"sw_pred_bc_tap_6_2", 0x1f8, 2, 10},
       {"sw_pred_bc_tap_6_3", 0x1fc, 22, 10}}},
     {{{"sw_pred_tap_6_m1", 0x200, 2, 2}, {"sw_pred_tap_6_4", 0x200, 0, 2}}}},
    {{{{"sw_pred_bc_tap_7_0", 0x1fc, 12, 10},
       {"sw_pred_bc_tap_7_1", 0x1fc, 2, 10},
       {"sw_pred_bc_tap_7_2", 0x200, 22, 10},
       {"sw_pred_bc_tap_7_3", 0x200, 12, 10}}},
     {no_tap, no_tap}},
}};

/// All of the above, for regs::RegisterBank::add_view(). Lives as long as the program.
[[nodiscard]] std::span<const regs::Field> all();

}  // namespace relfence::board::vpu::vp8_fields
