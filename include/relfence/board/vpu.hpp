// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>

#include <relfence/board/device_model.hpp>
#include <relfence/board/job.hpp>

namespace relfence::board {

struct VpuOptions {
    std::string name;  ///< for the log
    JobPolicy jobs;
};

/// Offset and length of the two engines in a VPU's registers, as rk3399_vpu_variant has them.
inline constexpr std::uint32_t kVepuOffset = 0x000, kVepuSize = 0x400;
inline constexpr std::uint32_t kVdpuOffset = 0x400, kVdpuSize = 0x400;

/// The decoder of Rockchip's VPU (VDPU2): VP8, MPEG-2 and H.264, one picture at a time.
///
/// Modelled: start, status, interrupt with its disable bit, soft reset, and what the codecs of
/// src/board/vpu use. A start takes the registers as they are; writes during a job are for the
/// next one. Clearing the enable bit in mid-job aborts it. A stream that cannot be decoded ends
/// with the error status, an address that memory does not have with the bus status. Not modelled:
/// the post-processor, reference buffer statistics, the timeout of the hardware.
///
/// Source: rockchip_vpu2_regs.h, rockchip_vpu2_vdpu_irq(), rockchip_vpu2_dec_reset() of Linux 6.12.
/// @param environment, line outlive the model
[[nodiscard]] std::unique_ptr<DeviceModel> make_vdpu(Environment environment, InterruptLine& line,
                                                     VpuOptions options);

/// The encoder of Rockchip's VPU (VEPU2): JPEG, one picture at a time.
///
/// As the decoder. One thing differs from the hardware as it is: the interrupt disable bit that
/// rockchip_vpu2_enc_reset() sets is cleared by the next start. On a board the power domain does
/// that, which runtime PM switches off when the driver is idle; the board model has none.
[[nodiscard]] std::unique_ptr<DeviceModel> make_vepu(Environment environment, InterruptLine& line,
                                                     VpuOptions options);

}  // namespace relfence::board
