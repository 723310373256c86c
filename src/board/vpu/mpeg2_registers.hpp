// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>

#include <relfence/regs/register_bank.hpp>

/// The registers of the decoder VDPU2 as MPEG-2 uses them, by offset from its first register.
///
/// Source: drivers/media/platform/verisilicon/rockchip_vpu2_hw_mpeg2_dec.c, whose names these are.
namespace relfence::board::vpu::mpeg2 {

[[nodiscard]] constexpr std::uint32_t swreg(std::uint32_t number) {
    return number * 4;
}

inline constexpr std::uint32_t quantisation_base = swreg(61);
inline constexpr std::uint32_t output_base = swreg(63);
inline constexpr std::uint32_t stream_base = swreg(64);
/// Frames in which the top and bottom field of the forward reference are, and of the backward one.
inline constexpr std::uint32_t forward_top_base = swreg(131);
inline constexpr std::uint32_t forward_bottom_base = swreg(148);
inline constexpr std::uint32_t backward_top_base = swreg(134);
inline constexpr std::uint32_t backward_bottom_base = swreg(135);

inline constexpr regs::Field stream_length{"sw_stream_len", swreg(51), 0, 24};
inline constexpr regs::Field decoding_mode{"sw_dec_mode", swreg(53), 0, 4};
/// Byte order of stream, output and input: six switches, all on for memory byte after byte.
inline constexpr regs::Field byte_order{"sw_dec_endian", swreg(54), 0, 6};
inline constexpr regs::Field rlc_mode{"sw_rlc_mode_e", swreg(57), 20, 1};
inline constexpr regs::Field interlaced{"sw_pic_interlace_e", swreg(57), 17, 1};
inline constexpr regs::Field field_mode{"sw_pic_fieldmode_e", swreg(57), 16, 1};
inline constexpr regs::Field b_picture{"sw_pic_b_e", swreg(57), 15, 1};
inline constexpr regs::Field inter_picture{"sw_pic_inter_e", swreg(57), 14, 1};
inline constexpr regs::Field top_field{"sw_pic_topfield_e", swreg(57), 13, 1};
inline constexpr regs::Field decoder_enable{"sw_dec_e", swreg(57), 0, 1};
inline constexpr regs::Field mb_width{"sw_pic_mb_width", swreg(120), 23, 9};
inline constexpr regs::Field mb_height{"sw_pic_mb_height_p", swreg(120), 11, 8};
inline constexpr regs::Field alternate_scan{"sw_alt_scan_e", swreg(120), 6, 1};
inline constexpr regs::Field top_field_first{"sw_topfieldfirst_e", swreg(120), 5, 1};
inline constexpr regs::Field stream_start_bit{"sw_strm_start_bit", swreg(122), 26, 6};
inline constexpr regs::Field q_scale_type{"sw_qscale_type", swreg(122), 24, 1};
inline constexpr regs::Field concealment_vectors{"sw_con_mv_e", swreg(122), 4, 1};
inline constexpr regs::Field intra_dc_precision{"sw_intra_dc_prec", swreg(122), 2, 2};
inline constexpr regs::Field intra_vlc_format{"sw_intra_vlc_tab", swreg(122), 1, 1};
inline constexpr regs::Field frame_pred_frame_dct{"sw_frame_pred_dct", swreg(122), 0, 1};
inline constexpr regs::Field forward_horizontal_code{"sw_fcode_fwd_hor", swreg(136), 15, 4};
inline constexpr regs::Field forward_vertical_code{"sw_fcode_fwd_ver", swreg(136), 11, 4};
inline constexpr regs::Field backward_horizontal_code{"sw_fcode_bwd_hor", swreg(136), 7, 4};
inline constexpr regs::Field backward_vertical_code{"sw_fcode_bwd_ver", swreg(136), 3, 4};

inline constexpr std::uint32_t decoding_mode_mpeg2 = 5;
inline constexpr std::uint32_t byte_order_plain = 0x3f;
/// Intra, non-intra and two chroma matrices (which 4:2:0 does not use), each row by row.
inline constexpr std::uint32_t quantisation_size = 4 * 64;

/// What the decoder uses, and then what it may ignore: timings, identifiers on the bus, switches
/// that change no pixel.
inline constexpr std::array fields{
    stream_length,
    decoding_mode,
    byte_order,
    rlc_mode,
    interlaced,
    field_mode,
    b_picture,
    inter_picture,
    top_field,
    decoder_enable,
    mb_width,
    mb_height,
    alternate_scan,
    top_field_first,
    stream_start_bit,
    q_scale_type,
    concealment_vectors,
    intra_dc_precision,
    intra_vlc_format,
    frame_pred_frame_dct,
    forward_horizontal_code,
    forward_vertical_code,
    backward_horizontal_code,
    backward_vertical_code,
    regs::Field{"sw_dec_adv_pre_dis", swreg(50), 11, 1},
    regs::Field{"sw_dec_scmd_dis", swreg(50), 10, 1},
    regs::Field{"sw_filtering_dis", swreg(50), 8, 1},
    regs::Field{"sw_dec_latency", swreg(50), 1, 6},
    regs::Field{"sw_init_qp", swreg(51), 25, 6},
    regs::Field{"sw_apf_threshold", swreg(52), 17, 14},
    regs::Field{"sw_startmb_x", swreg(52), 8, 9},
    regs::Field{"sw_startmb_y", swreg(52), 0, 8},
    regs::Field{"sw_dec_data_disc_e", swreg(56), 22, 1},
    regs::Field{"sw_dec_max_burst", swreg(56), 16, 5},
    regs::Field{"sw_dec_axi_wr_id", swreg(56), 8, 8},
    regs::Field{"sw_dec_axi_rd_id", swreg(56), 0, 8},
    regs::Field{"sw_fwd_interlace_e", swreg(57), 12, 1},
    regs::Field{"sw_write_mvs_e", swreg(57), 10, 1},
    regs::Field{"sw_dec_timeout_e", swreg(57), 5, 1},
    regs::Field{"sw_dec_clk_gate_e", swreg(57), 4, 1},
    regs::Field{"sw_alt_scan_flag_e", swreg(136), 19, 1},
    regs::Field{"sw_mv_accuracy_fwd", swreg(136), 2, 1},
    regs::Field{"sw_mv_accuracy_bwd", swreg(136), 1, 1},
};

inline constexpr std::array registers{
    regs::Register{"swreg50", swreg(50)},
    regs::Register{"swreg51", swreg(51)},
    regs::Register{"swreg52", swreg(52)},
    regs::Register{"swreg53", swreg(53)},
    regs::Register{"swreg54", swreg(54)},
    regs::Register{"swreg56", swreg(56)},
    regs::Register{"swreg57", swreg(57)},
    regs::Register{"swreg61_qtable_base", quantisation_base, 0, true},
    regs::Register{"swreg63_dec_out_base", output_base, 0, true},
    regs::Register{"swreg64_rlc_vlc_base", stream_base, 0, true},
    regs::Register{"swreg120", swreg(120)},
    regs::Register{"swreg122", swreg(122)},
    regs::Register{"swreg131_refer0_base", forward_top_base, 0, true},
    regs::Register{"swreg134_refer2_base", backward_top_base, 0, true},
    regs::Register{"swreg135_refer3_base", backward_bottom_base, 0, true},
    regs::Register{"swreg136", swreg(136)},
    regs::Register{"swreg148_refer1_base", forward_bottom_base, 0, true},
};

}  // namespace relfence::board::vpu::mpeg2
