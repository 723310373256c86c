// SPDX-License-Identifier: MIT
// Programs VDPU2 as rockchip_vpu2_vp8_dec_run() of Linux 6.12 does, into a register bank.
#pragma once

#include <cstdint>
#include <linux/v4l2-controls.h>
#include <span>

#include <relfence/regs/register_bank.hpp>

namespace relfence::testing {

/// The driver's buffers of a frame, as bus addresses.
struct Vp8Buffers {
    std::uint32_t stream = 0;
    std::uint32_t output = 0;
    std::uint32_t last = 0;  ///< 0: not found, as hantro_get_ref() says it
    std::uint32_t golden = 0;
    std::uint32_t alternative = 0;
    std::uint32_t probabilities = 0;
    std::uint32_t segment_map = 0;
};

inline constexpr std::size_t vp8_probability_bytes = 1208;

/// A bank with every register of VDPU2 as one plain value.
[[nodiscard]] regs::RegisterBank vdpu2_registers();
/// What the driver writes for a frame. @param width, height of the CAPTURE format
void program_vp8(regs::RegisterBank& registers, const v4l2_ctrl_vp8_frame& frame,
                 const Vp8Buffers& buffers, unsigned width, unsigned height);
/// The table of hantro_vp8_prob_update(). @param table vp8_probability_bytes of them
void write_vp8_probabilities(const v4l2_ctrl_vp8_frame& frame, std::span<std::byte> table);

}  // namespace relfence::testing
