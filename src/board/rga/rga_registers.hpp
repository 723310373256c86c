// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>

#include <relfence/regs/register_bank.hpp>

/// The registers of RGA2, in the manual's order.
///
/// Sources: drivers/media/platform/rockchip/rga/rga-hw.h, and where that is silent (RGA_INT, the
/// meaning of RGA_SRC_VIR_INFO, RGA_MMU_CTRL1, the status registers) the header rga2_reg_info.h of
/// Rockchip's own kernel driver. The features are those of chapter "RGA2" of the RK3288 TRM.
///
/// A field that is missing here is not modelled, and a command that sets it is reported: color
/// keys, ROP, alpha blending, dithering, palettes, on-screen display. The driver sets none of them.
namespace relfence::board::rga {

inline constexpr std::uint32_t kBlockSize = 0x1000;  ///< what the device tree gives it
inline constexpr std::uint32_t kSysCtrl = 0x000;
inline constexpr std::uint32_t kCmdCtrl = 0x004;
inline constexpr std::uint32_t kCmdBase = 0x008;
inline constexpr std::uint32_t kStatus1 = 0x00c;
inline constexpr std::uint32_t kInt = 0x010;
inline constexpr std::uint32_t kMmuCtrl0 = 0x014;
inline constexpr std::uint32_t kMmuCmdBase = 0x018;
inline constexpr std::uint32_t kStatus2 = 0x01c;
inline constexpr std::uint32_t kWorkCount = 0x020;
inline constexpr std::uint32_t kVersion = 0x028;

/// The part of the block that a command in memory fills.
inline constexpr std::uint32_t kCommandBlock = 0x100;
inline constexpr std::uint32_t kCommandWords = 32;

inline constexpr std::uint32_t kModeCtrl = 0x100;
inline constexpr std::uint32_t kSrcInfo = 0x104;
inline constexpr std::uint32_t kSrcBase0 = 0x108;
inline constexpr std::uint32_t kSrcBase1 = 0x10c;
inline constexpr std::uint32_t kSrcBase2 = 0x110;
inline constexpr std::uint32_t kSrc1Base = 0x114;
inline constexpr std::uint32_t kSrcVirInfo = 0x118;
inline constexpr std::uint32_t kSrcActInfo = 0x11c;
inline constexpr std::uint32_t kSrcXFactor = 0x120;
inline constexpr std::uint32_t kSrcYFactor = 0x124;
inline constexpr std::uint32_t kSrcBgColor = 0x128;
inline constexpr std::uint32_t kSrcFgColor = 0x12c;
inline constexpr std::uint32_t kSrcTrColor0 = 0x130;
inline constexpr std::uint32_t kSrcTrColor1 = 0x134;
inline constexpr std::uint32_t kDstInfo = 0x138;
inline constexpr std::uint32_t kDstBase0 = 0x13c;
inline constexpr std::uint32_t kDstBase1 = 0x140;
inline constexpr std::uint32_t kDstBase2 = 0x144;
inline constexpr std::uint32_t kDstVirInfo = 0x148;
inline constexpr std::uint32_t kDstActInfo = 0x14c;
inline constexpr std::uint32_t kAlphaCtrl0 = 0x150;
inline constexpr std::uint32_t kAlphaCtrl1 = 0x154;
inline constexpr std::uint32_t kFadingCtrl = 0x158;
inline constexpr std::uint32_t kPatCon = 0x15c;
inline constexpr std::uint32_t kRopCon0 = 0x160;
inline constexpr std::uint32_t kRopCon1 = 0x164;
inline constexpr std::uint32_t kMaskBase = 0x168;
inline constexpr std::uint32_t kMmuCtrl1 = 0x16c;
inline constexpr std::uint32_t kMmuSrcBase = 0x170;
inline constexpr std::uint32_t kMmuSrc1Base = 0x174;
inline constexpr std::uint32_t kMmuDstBase = 0x178;
inline constexpr std::uint32_t kMmuElsBase = 0x17c;

/// Reset values are 0 but for the version, which the device sets; the driver reads no other.
inline constexpr std::array kRegisters = {
    regs::Register{"RGA_SYS_CTRL", kSysCtrl},
    regs::Register{"RGA_CMD_CTRL", kCmdCtrl},
    regs::Register{"RGA_CMD_BASE", kCmdBase, 0, true},
    regs::Register{"RGA_STATUS1", kStatus1},
    regs::Register{"RGA_INT", kInt},
    regs::Register{"RGA_MMU_CTRL0", kMmuCtrl0},
    regs::Register{"RGA_MMU_CMD_BASE", kMmuCmdBase},
    regs::Register{"RGA_STATUS2", kStatus2},
    regs::Register{"RGA_WORK_CNT", kWorkCount},
    regs::Register{"RGA_VERSION_INFO", kVersion},
    regs::Register{"RGA_MODE_CTRL", kModeCtrl},
    regs::Register{"RGA_SRC_INFO", kSrcInfo},
    regs::Register{"RGA_SRC_Y_RGB_BASE_ADDR", kSrcBase0, 0, true},
    regs::Register{"RGA_SRC_CB_BASE_ADDR", kSrcBase1, 0, true},
    regs::Register{"RGA_SRC_CR_BASE_ADDR", kSrcBase2, 0, true},
    regs::Register{"RGA_SRC1_RGB_BASE_ADDR", kSrc1Base, 0, true},
    regs::Register{"RGA_SRC_VIR_INFO", kSrcVirInfo},
    regs::Register{"RGA_SRC_ACT_INFO", kSrcActInfo},
    regs::Register{"RGA_SRC_X_FACTOR", kSrcXFactor},
    regs::Register{"RGA_SRC_Y_FACTOR", kSrcYFactor},
    regs::Register{"RGA_SRC_BG_COLOR", kSrcBgColor, 0, true},
    regs::Register{"RGA_SRC_FG_COLOR", kSrcFgColor, 0, true},
    regs::Register{"RGA_SRC_TR_COLOR0", kSrcTrColor0},
    regs::Register{"RGA_SRC_TR_COLOR1", kSrcTrColor1},
    regs::Register{"RGA_DST_INFO", kDstInfo},
    regs::Register{"RGA_DST_Y_RGB_BASE_ADDR", kDstBase0, 0, true},
    regs::Register{"RGA_DST_CB_BASE_ADDR", kDstBase1, 0, true},
    regs::Register{"RGA_DST_CR_BASE_ADDR", kDstBase2, 0, true},
    regs::Register{"RGA_DST_VIR_INFO", kDstVirInfo},
    regs::Register{"RGA_DST_ACT_INFO", kDstActInfo},
    regs::Register{"RGA_ALPHA_CTRL0", kAlphaCtrl0},
    regs::Register{"RGA_ALPHA_CTRL1", kAlphaCtrl1},
    regs::Register{"RGA_FADING_CTRL", kFadingCtrl},
    regs::Register{"RGA_PAT_CON", kPatCon},
    regs::Register{"RGA_ROP_CON0", kRopCon0},
    regs::Register{"RGA_ROP_CON1", kRopCon1},
    regs::Register{"RGA_MASK_BASE", kMaskBase},
    regs::Register{"RGA_MMU_CTRL1", kMmuCtrl1},
    regs::Register{"RGA_MMU_SRC_BASE", kMmuSrcBase, 0, true},
    regs::Register{"RGA_MMU_SRC1_BASE", kMmuSrc1Base, 0, true},
    regs::Register{"RGA_MMU_DST_BASE", kMmuDstBase, 0, true},
    regs::Register{"RGA_MMU_ELS_BASE", kMmuElsBase},
};

namespace field {
using enum regs::Access;
using regs::Field;

inline constexpr Field cmd_op_st_p{"sw_cmd_op_st_p", kSysCtrl, 0, 1, w1p};
inline constexpr Field cmd_mode{"sw_cmd_mode", kSysCtrl, 1, 1};
inline constexpr Field auto_ckg{"sw_auto_ckg", kSysCtrl, 2, 1};
inline constexpr Field aclk_sreset_p{"sw_aclk_sreset_p", kSysCtrl, 3, 1, w1p};
inline constexpr Field cclk_sreset_p{"sw_cclk_sreset_p", kSysCtrl, 4, 1, w1p};
inline constexpr Field auto_rst{"sw_auto_rst", kSysCtrl, 5, 1};
inline constexpr Field rst_protect_p{"sw_rst_protect_p", kSysCtrl, 6, 1, w1p};
inline constexpr Field rst_handsave_p{"sw_rst_handsave_p", kSysCtrl, 7, 1, w1p};

inline constexpr Field cmd_line_st_p{"sw_cmd_line_st_p", kCmdCtrl, 0, 1, w1p};

inline constexpr Field busy{"sw_rga_sta", kStatus1, 0, 1, ro};
inline constexpr Field cmd_total{"sw_cmd_total_num", kStatus1, 8, 12, ro};
inline constexpr Field cmd_current{"sw_cmd_cur_num", kStatus1, 20, 12, ro};

inline constexpr Field error_flag{"sw_intr_err", kInt, 0, 1, ro};
inline constexpr Field mmu_flag{"sw_intr_mmu", kInt, 1, 1, ro};
inline constexpr Field all_done_flag{"sw_intr_af", kInt, 2, 1, ro};
inline constexpr Field current_done_flag{"sw_intr_cf", kInt, 3, 1, ro};
inline constexpr Field error_clear{"sw_intr_err_clr", kInt, 4, 1, w1p};
inline constexpr Field mmu_clear{"sw_intr_mmu_clr", kInt, 5, 1, w1p};
inline constexpr Field all_done_clear{"sw_intr_af_clr", kInt, 6, 1, w1p};
inline constexpr Field current_done_clear{"sw_intr_cf_clr", kInt, 7, 1, w1p};
inline constexpr Field error_enable{"sw_intr_err_e", kInt, 8, 1};
inline constexpr Field mmu_enable{"sw_intr_mmu_e", kInt, 9, 1};
inline constexpr Field all_done_enable{"sw_intr_af_e", kInt, 10, 1};

inline constexpr Field rpp_error{"sw_rpp_error", kStatus2, 0, 1, ro};
inline constexpr Field bus_error{"sw_bus_error", kStatus2, 1, 1, ro};
inline constexpr Field work_count{"sw_work_cnt", kWorkCount, 0, 27, ro};
inline constexpr Field version_svn{"svn_num", kVersion, 0, 20, ro};
inline constexpr Field version_minor{"minor", kVersion, 20, 4, ro};
inline constexpr Field version_major{"major", kVersion, 24, 8, ro};

inline constexpr Field render_mode{"sw_render_mode", kModeCtrl, 0, 3};
inline constexpr Field bitblt_mode{"sw_bitblt_mode", kModeCtrl, 3, 1};
inline constexpr Field gradient_sat{"sw_gradient_sat", kModeCtrl, 6, 1};
inline constexpr Field current_done_enable{"sw_intr_cf_e", kModeCtrl, 7, 1};

inline constexpr Field src_format{"sw_src_fmt", kSrcInfo, 0, 4};
inline constexpr Field src_rb_swap{"sw_src_rbswap", kSrcInfo, 4, 1};
inline constexpr Field src_alpha_swap{"sw_src_alphaswap", kSrcInfo, 5, 1};
inline constexpr Field src_uv_swap{"sw_src_uvswap", kSrcInfo, 6, 1};
inline constexpr Field src_csc_mode{"sw_src_csc_mode", kSrcInfo, 8, 2};
inline constexpr Field src_rotation{"sw_src_rot_mode", kSrcInfo, 10, 2};
inline constexpr Field src_mirror{"sw_src_mir_mode", kSrcInfo, 12, 2};
inline constexpr Field src_hscl_mode{"sw_src_hscl_mode", kSrcInfo, 14, 2};
inline constexpr Field src_vscl_mode{"sw_src_vscl_mode", kSrcInfo, 16, 2};
inline constexpr Field src_bicubic{"sw_src_scl_filter", kSrcInfo, 24, 2};
inline constexpr Field src_vsp_bilinear{"sw_vsp_mode_sel", kSrcInfo, 26, 1};

/// rga-hw.h calls the first "vir_width" and the second "vir_stride"; the hardware's stride of the
/// source is the first, the second is that of a mask, which nothing uses.
inline constexpr Field src_stride{"sw_src_vir_stride", kSrcVirInfo, 0, 15};
inline constexpr Field mask_stride{"sw_mask_vir_stride", kSrcVirInfo, 16, 10};
inline constexpr Field src_width{"sw_src_act_width", kSrcActInfo, 0, 13};
inline constexpr Field src_height{"sw_src_act_height", kSrcActInfo, 16, 13};
inline constexpr Field x_down{"sw_src_hsd_factor", kSrcXFactor, 0, 16};
inline constexpr Field x_up{"sw_src_hsp_factor", kSrcXFactor, 16, 16};
inline constexpr Field y_down{"sw_src_vsd_factor", kSrcYFactor, 0, 16};
inline constexpr Field y_up{"sw_src_vsp_factor", kSrcYFactor, 16, 16};

inline constexpr Field dst_format{"sw_dst_fmt", kDstInfo, 0, 4};
inline constexpr Field dst_rb_swap{"sw_dst_rbswap", kDstInfo, 4, 1};
inline constexpr Field dst_alpha_swap{"sw_dst_alphaswap", kDstInfo, 5, 1};
inline constexpr Field dst_uv_swap{"sw_dst_uvswap", kDstInfo, 6, 1};
inline constexpr Field src1_format{"sw_src1_fmt", kDstInfo, 7, 3};
inline constexpr Field src1_rb_swap{"sw_src1_rbswap", kDstInfo, 10, 1};
inline constexpr Field src1_alpha_swap{"sw_src1_alphaswap", kDstInfo, 11, 1};
inline constexpr Field dst_csc_mode{"sw_dst_csc_mode", kDstInfo, 16, 2};
inline constexpr Field dst_stride{"sw_dst_vir_stride", kDstVirInfo, 0, 15};
inline constexpr Field src1_stride{"sw_src1_vir_stride", kDstVirInfo, 16, 15};
inline constexpr Field dst_width{"sw_dst_act_width", kDstActInfo, 0, 12};
inline constexpr Field dst_height{"sw_dst_act_height", kDstActInfo, 16, 12};

inline constexpr Field src_mmu{"sw_src_mmu_en", kMmuCtrl1, 0, 1};
inline constexpr Field src_mmu_flush{"sw_src_mmu_flush", kMmuCtrl1, 1, 1};
inline constexpr Field src_mmu_prefetch{"sw_src_mmu_prefetch", kMmuCtrl1, 2, 2};
inline constexpr Field src1_mmu{"sw_src1_mmu_en", kMmuCtrl1, 4, 1};
inline constexpr Field src1_mmu_flush{"sw_src1_mmu_flush", kMmuCtrl1, 5, 1};
inline constexpr Field src1_mmu_prefetch{"sw_src1_mmu_prefetch", kMmuCtrl1, 6, 2};
inline constexpr Field dst_mmu{"sw_dst_mmu_en", kMmuCtrl1, 8, 1};
inline constexpr Field dst_mmu_flush{"sw_dst_mmu_flush", kMmuCtrl1, 9, 1};
inline constexpr Field dst_mmu_prefetch{"sw_dst_mmu_prefetch", kMmuCtrl1, 10, 2};
}  // namespace field

inline constexpr std::array kFields = {
    field::cmd_op_st_p,
    field::cmd_mode,
    field::auto_ckg,
    field::aclk_sreset_p,
    field::cclk_sreset_p,
    field::auto_rst,
    field::rst_protect_p,
    field::rst_handsave_p,
    field::cmd_line_st_p,
    field::busy,
    field::cmd_total,
    field::cmd_current,
    field::error_flag,
    field::mmu_flag,
    field::all_done_flag,
    field::current_done_flag,
    field::error_clear,
    field::mmu_clear,
    field::all_done_clear,
    field::current_done_clear,
    field::error_enable,
    field::mmu_enable,
    field::all_done_enable,
    field::rpp_error,
    field::bus_error,
    field::work_count,
    field::version_svn,
    field::version_minor,
    field::version_major,
    field::render_mode,
    field::bitblt_mode,
    field::gradient_sat,
    field::current_done_enable,
    field::src_format,
    field::src_rb_swap,
    field::src_alpha_swap,
    field::src_uv_swap,
    field::src_csc_mode,
    field::src_rotation,
    field::src_mirror,
    field::src_hscl_mode,
    field::src_vscl_mode,
    field::src_bicubic,
    field::src_vsp_bilinear,
    field::src_stride,
    field::mask_stride,
    field::src_width,
    field::src_height,
    field::x_down,
    field::x_up,
    field::y_down,
    field::y_up,
    field::dst_format,
    field::dst_rb_swap,
    field::dst_alpha_swap,
    field::dst_uv_swap,
    field::src1_format,
    field::src1_rb_swap,
    field::src1_alpha_swap,
    field::dst_csc_mode,
    field::dst_stride,
    field::src1_stride,
    field::dst_width,
    field::dst_height,
    field::src_mmu,
    field::src_mmu_flush,
    field::src_mmu_prefetch,
    field::src1_mmu,
    field::src1_mmu_flush,
    field::src1_mmu_prefetch,
    field::dst_mmu,
    field::dst_mmu_flush,
    field::dst_mmu_prefetch,
};

}  // namespace relfence::board::rga
