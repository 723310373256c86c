// SPDX-License-Identifier: MIT
#pragma once

#include <relfence/board/device_model.hpp>

#include "rga_command.hpp"
#include "rga_mmu.hpp"

namespace relfence::board::rga {

/// Does what a Blit says: reads the source, converts, scales, turns and mirrors it, and gives back
/// what is to be written, row by row from the corner where the hardware begins, chroma after the
/// luma that it belongs to.
///
/// The order of steps: unpack, convert YUV to RGB (if the source asks), scale, rotate, mirror,
/// convert RGB to YUV (if the destination asks), pack. A picture that is only copied keeps its
/// bytes. Depends on nothing but its arguments and the memory that it reads; any thread.
/// @param source pages of blit.source, unused for a fill @param target pages of blit.target
/// @return EFAULT when memory is no longer there
[[nodiscard]] Result<MemoryWrites> render(const Blit& blit, const Dma& dma, const PageMap& source,
                                          const PageMap& target);

}  // namespace relfence::board::rga
