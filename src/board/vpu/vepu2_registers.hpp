// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>

#include <relfence/regs/register_bank.hpp>

/// The registers with which VEPU2 is started and tells its end, by offset from its first register.
/// Those of the picture are in jpeg_registers.hpp.
///
/// Source: drivers/media/platform/verisilicon/rockchip_vpu2_regs.h.
namespace relfence::board::vpu::vepu2 {

inline constexpr std::uint32_t block_size = 0x400;

/// The whole interrupt register; a driver acknowledges by writing 0 to it.
inline constexpr std::uint32_t interrupt = 0x1b4;
inline constexpr regs::Field irq_dis{"sw_enc_irq_dis", interrupt, 8, 1};
inline constexpr regs::Field timeout{"sw_enc_timeout", interrupt, 6, 1, regs::Access::w0c};
inline constexpr regs::Field buffer_full{"sw_enc_buffer_full", interrupt, 5, 1, regs::Access::w0c};
inline constexpr regs::Field bus_error{"sw_enc_bus_error", interrupt, 4, 1, regs::Access::w0c};
inline constexpr regs::Field frame_ready{"sw_enc_frame_ready", interrupt, 1, 1, regs::Access::w0c};
inline constexpr regs::Field irq{"sw_enc_irq", interrupt, 0, 1, regs::Access::w0c};

inline constexpr std::array registers{regs::Register{"interrupt", interrupt}};

inline constexpr std::array fields{
    regs::Field{"sw_enc_clk_gating_en", interrupt, 12, 1},
    regs::Field{"sw_enc_timeout_en", interrupt, 10, 1},
    irq_dis,
    timeout,
    buffer_full,
    bus_error,
    frame_ready,
    irq,
};

}  // namespace relfence::board::vpu::vepu2
