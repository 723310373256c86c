// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>

#include <relfence/regs/register_bank.hpp>

/// The registers of the decoder VDPU2 by offset from its first register, and the fields that mean
/// the same in every codec. What else a codec uses is in its own view (vp8_fields.hpp,
/// mpeg2_registers.hpp, h264_fields.hpp), over the same registers.
///
/// Source: drivers/media/platform/verisilicon/rockchip_vpu2_regs.h, whose names these are; numbers
/// of registers as in rockchip_vpu2_hw_h264_dec.c. Registers 0 to 49 are the post-processor's,
/// which no driver uses here.
namespace relfence::board::vpu::vdpu2 {

/// Of the decoder's registers.
inline constexpr std::uint32_t block_size = 0x280;

inline constexpr std::array registers{
    regs::Register{"swreg50_dec_ctrl0", 0x0c8},
    regs::Register{"swreg51_stream_len", 0x0cc},
    regs::Register{"swreg52_error_concealment", 0x0d0},
    regs::Register{"swreg53_dec_format", 0x0d4},
    regs::Register{"swreg54_data_endian", 0x0d8},
    regs::Register{"swreg55_interrupt", 0x0dc},
    regs::Register{"swreg56_axi_ctrl", 0x0e0},
    regs::Register{"swreg57_en_flags", 0x0e4},
    regs::Register{"swreg58_soft_reset", 0x0e8},
    regs::Register{"swreg59_pred_flt", 0x0ec},
    regs::Register{"swreg60_additional_chroma_address", 0x0f0, 0, true},
    regs::Register{"swreg61_addr_qtable", 0x0f4, 0, true},
    regs::Register{"swreg62_direct_mv_addr", 0x0f8, 0, true},
    regs::Register{"swreg63_addr_dst", 0x0fc, 0, true},
    regs::Register{"swreg64_addr_str", 0x100, 0, true},
    regs::Register{"swreg65_refbuf_related", 0x104},
    regs::Register{"swreg74_fwd_pic0", 0x128},
    regs::Register{"swreg75_fwd_pic1", 0x12c},
    regs::Register{"swreg76_ref_pic0", 0x130},
    regs::Register{"swreg77_ref_pic1", 0x134},
    regs::Register{"swreg78_ref_pic2", 0x138},
    regs::Register{"swreg79_ref_pic3", 0x13c},
    regs::Register{"swreg80_ref_pic4", 0x140},
    regs::Register{"swreg81_ref_pic5", 0x144},
    regs::Register{"swreg82_ref_pic6", 0x148},
    regs::Register{"swreg83_ref_pic7", 0x14c},
    regs::Register{"swreg84_h264_addr_ref0", 0x150, 0, true},
    regs::Register{"swreg85_h264_addr_ref1", 0x154, 0, true},
    regs::Register{"swreg86_h264_addr_ref2", 0x158, 0, true},
    regs::Register{"swreg87_h264_addr_ref3", 0x15c, 0, true},
    regs::Register{"swreg88_h264_addr_ref4", 0x160, 0, true},
    regs::Register{"swreg89_h264_addr_ref5", 0x164, 0, true},
    regs::Register{"swreg90_h264_addr_ref6", 0x168, 0, true},
    regs::Register{"swreg91_h264_addr_ref7", 0x16c, 0, true},
    regs::Register{"swreg92_h264_addr_ref8", 0x170, 0, true},
    regs::Register{"swreg93_h264_addr_ref9", 0x174, 0, true},
    regs::Register{"swreg94_h264_addr_ref10", 0x178, 0, true},
    regs::Register{"swreg95_h264_addr_ref11", 0x17c, 0, true},
    regs::Register{"swreg96_h264_addr_ref12", 0x180, 0, true},
    regs::Register{"swreg97_h264_addr_ref13", 0x184, 0, true},
    regs::Register{"swreg98_h264_addr_ref14", 0x188, 0, true},
    regs::Register{"swreg99_h264_addr_ref15", 0x18c, 0, true},
    regs::Register{"swreg100_initial_ref_pic_list0", 0x190},
    regs::Register{"swreg101_initial_ref_pic_list1", 0x194},
    regs::Register{"swreg102_initial_ref_pic_list2", 0x198},
    regs::Register{"swreg103_initial_ref_pic_list3", 0x19c},
    regs::Register{"swreg104_initial_ref_pic_list4", 0x1a0},
    regs::Register{"swreg105_initial_ref_pic_list5", 0x1a4},
    regs::Register{"swreg106_initial_ref_pic_list6", 0x1a8},
    regs::Register{"swreg107_lt_ref", 0x1ac, 0, true},
    regs::Register{"swreg108_valid_ref", 0x1b0, 0, true},
    regs::Register{"swreg109_strm_start_bit", 0x1b4},
    regs::Register{"swreg110_h264_pic_mb_size", 0x1b8},
    regs::Register{"swreg111_h264_ctrl", 0x1bc},
    regs::Register{"swreg112_current_frame", 0x1c0},
    regs::Register{"swreg113_ref_frame", 0x1c4},
    regs::Register{"swreg114_dec_ctrl6", 0x1c8},
    regs::Register{"swreg115_enable_flag", 0x1cc},
    regs::Register{"swreg120_vp8_pic_mb_size", 0x1e0},
    regs::Register{"swreg121_vp8_dct_start_bit", 0x1e4},
    regs::Register{"swreg122_vp8_ctrl0", 0x1e8},
    regs::Register{"swreg124_vp8_data_val", 0x1f0},
    regs::Register{"swreg125_pred_flt7", 0x1f4},
    regs::Register{"swreg126_pred_flt8", 0x1f8},
    regs::Register{"swreg127_pred_flt9", 0x1fc},
    regs::Register{"swreg128_pred_flt10", 0x200},
    regs::Register{"swreg129_filter_level", 0x204},
    regs::Register{"swreg130_vp8_quanter0", 0x208},
    regs::Register{"swreg131_vp8_addr_ref0", 0x20c, 0, true},
    regs::Register{"swreg132_filter_mb_adj", 0x210},
    regs::Register{"swreg133_filter_ref_adj", 0x214},
    regs::Register{"swreg134_vp8_addr_ref2", 0x218, 0, true},
    regs::Register{"swreg135_vp8_addr_ref3", 0x21c, 0, true},
    regs::Register{"swreg136_vp8_addr_ref4", 0x220, 0, true},
    regs::Register{"swreg137_vp8_addr_ref5", 0x224, 0, true},
    regs::Register{"swreg138", 0x228},
    regs::Register{"swreg139", 0x22c},
    regs::Register{"swreg140_vp8_dct_base0", 0x230, 0, true},
    regs::Register{"swreg141_vp8_dct_base1", 0x234, 0, true},
    regs::Register{"swreg142_vp8_dct_base2", 0x238, 0, true},
    regs::Register{"swreg143_vp8_dct_base3", 0x23c, 0, true},
    regs::Register{"swreg144_vp8_dct_base4", 0x240, 0, true},
    regs::Register{"swreg145_vp8_addr_ctrl_part", 0x244, 0, true},
    regs::Register{"swreg146_vp8_dct_base5", 0x248, 0, true},
    regs::Register{"swreg147_vp8_dct_base6", 0x24c, 0, true},
    regs::Register{"swreg148_vp8_addr_ref1", 0x250, 0, true},
    regs::Register{"swreg149_vp8_segment_val", 0x254, 0, true},
    regs::Register{"swreg150_vp8_dct_start_bit2", 0x258},
    regs::Register{"swreg151_vp8_quanter1", 0x25c},
    regs::Register{"swreg152_vp8_quanter2", 0x260},
    regs::Register{"swreg153_pred_flt1", 0x264},
    regs::Register{"swreg154_pred_flt2", 0x268},
    regs::Register{"swreg155_pred_flt3", 0x26c},
    regs::Register{"swreg156_pred_flt4", 0x270},
    regs::Register{"swreg157_pred_flt5", 0x274},
    regs::Register{"swreg158_pred_flt6", 0x278},
};

inline constexpr regs::Field dec_mode{"sw_dec_mode", 0x0d4, 0, 4};
inline constexpr std::uint32_t dec_mode_h264 = 0;
inline constexpr std::uint32_t dec_mode_mpeg2 = 5;
inline constexpr std::uint32_t dec_mode_vp8 = 10;

/// The whole interrupt register; a driver acknowledges by writing 0 to it.
inline constexpr std::uint32_t interrupt = 0x0dc;
inline constexpr regs::Field timeout{"sw_dec_timeout", interrupt, 13, 1, regs::Access::w0c};
inline constexpr regs::Field error_int{"sw_dec_error_int", interrupt, 12, 1, regs::Access::w0c};
inline constexpr regs::Field bus_int{"sw_dec_bus_int", interrupt, 5, 1, regs::Access::w0c};
inline constexpr regs::Field rdy_int{"sw_dec_rdy_int", interrupt, 4, 1, regs::Access::w0c};
inline constexpr regs::Field irq_dis{"sw_dec_irq_dis", interrupt, 1, 1};
inline constexpr regs::Field irq{"sw_dec_irq", interrupt, 0, 1, regs::Access::w0c};

inline constexpr regs::Field dec_e{"sw_dec_e", 0x0e4, 0, 1};
inline constexpr regs::Field soft_reset{"sw_soft_reset", 0x0e8, 0, 1, regs::Access::w1p};

/// Those of every codec: start, end, and what the bus and the clocks are told, which changes no
/// pixel and is not modelled.
inline constexpr std::array fields{
    regs::Field{"sw_dec_adv_pre_dis", 0x0c8, 11, 1},
    regs::Field{"sw_dec_scmd_dis", 0x0c8, 10, 1},
    regs::Field{"sw_dec_latency", 0x0c8, 1, 6},
    regs::Field{"sw_apf_threshold", 0x0d0, 17, 14},
    regs::Field{"sw_startmb_x", 0x0d0, 8, 9},
    regs::Field{"sw_startmb_y", 0x0d0, 0, 8},
    dec_mode,
    regs::Field{"sw_dec_endian", 0x0d8, 0, 6},
    timeout,
    error_int,
    regs::Field{"sw_dec_pic_inf", interrupt, 10, 1, regs::Access::w0c},
    regs::Field{"sw_dec_slice_int", interrupt, 9, 1, regs::Access::w0c},
    regs::Field{"sw_dec_aso_int", interrupt, 8, 1, regs::Access::w0c},
    regs::Field{"sw_dec_buffer_int", interrupt, 6, 1, regs::Access::w0c},
    bus_int,
    rdy_int,
    irq_dis,
    irq,
    regs::Field{"sw_dec_data_disc_e", 0x0e0, 22, 1},
    regs::Field{"sw_dec_max_burst", 0x0e0, 16, 5},
    regs::Field{"sw_dec_axi_wr_id", 0x0e0, 8, 8},
    regs::Field{"sw_dec_axi_rd_id", 0x0e0, 0, 8},
    regs::Field{"sw_dec_timeout_e", 0x0e4, 5, 1},
    regs::Field{"sw_dec_clk_gate_e", 0x0e4, 4, 1},
    regs::Field{"sw_dec_out_dis", 0x0e4, 2, 1},
    dec_e,
    soft_reset,
};

}  // namespace relfence::board::vpu::vdpu2
