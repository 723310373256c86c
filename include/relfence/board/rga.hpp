// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <relfence/board/device_model.hpp>
#include <relfence/board/job.hpp>

namespace relfence::board {

/// RGA_VERSION_INFO: major in the top 8 bits, minor in the next 4, then a revision. What
/// rga_probe() prints as "HW Version: 0x03.02" on RK3399; with a minor of 0 the driver shortens
/// what it rotates.
inline constexpr std::uint32_t kRgaVersionRk3399 = 0x03200000;
/// RGA2-Enhance, as boards with it print "3.2.63318".
inline constexpr std::uint32_t kRgaVersionRk3568 = 0x03263318;

struct RgaOptions {
    std::string name = "rga";
    std::uint32_t version = kRgaVersionRk3399;
    JobPolicy jobs;
};

/// Rockchip's RGA2: one job at a time, from the command registers (slave mode) or from a command
/// in memory (master mode, what the driver uses).
///
/// Modelled: every format, conversion, scale, rotation, mirror and rectangle that
/// drivers/media/platform/rockchip/rga can ask for, fill with a colour, its page tables,
/// interrupts, resets. Not modelled, and reported where a command asks for it: blending, ROP,
/// colour keys, dithering, palettes, YUYV.
///
/// How a job ends in RGA_INT: done sets all-commands-done; an address that its page table or
/// memory does not have sets the MMU flag; anything else that is wrong (Fault::error_status, a
/// command that is not modelled, a command buffer outside of memory) sets the error flag. The
/// driver enables the first two only, so that, as on a board, it hears nothing of the third.
///
/// @param environment, line outlive the model
[[nodiscard]] std::unique_ptr<DeviceModel> make_rga(Environment environment, InterruptLine& line,
                                                    RgaOptions options);

}  // namespace relfence::board
