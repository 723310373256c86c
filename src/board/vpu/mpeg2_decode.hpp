// SPDX-License-Identifier: MIT
#pragma once

#include <relfence/base/error.hpp>
#include <relfence/board/device_model.hpp>
#include <relfence/regs/register_bank.hpp>

namespace relfence::board::vpu {

/// Decodes the MPEG-2 picture, a frame or a field, that the driver programmed into VDPU2, to NV12.
///
/// As the engine, it keeps nothing between two calls: it predicts from what lies at the programmed
/// addresses, and the second field of a frame from the first one in its own buffer. Each field of a
/// reference has an address of its own; which is the frame being decoded and which another one is
/// the driver's decision (rockchip_vpu2_mpeg2_dec_set_buffers()).
///
/// Not modelled, since the driver never asks for it: MPEG-1, macroblock data in place of a stream,
/// other byte orders. Interlaced frames whose height is an odd number of macroblocks lose the last
/// 16 lines, which no buffer has room for.
/// @param registers of the decoder as they were when it was started, see mpeg2::registers
/// @return writes from top to bottom, luma and chroma of each row of macroblocks; of a field only
///         its own lines. EFAULT when an address is not in memory, EBADMSG when the stream is
///         damaged, EINVAL for what no engine can do or this model does not know
/// May be called from any thread.
[[nodiscard]] Result<MemoryWrites> decode_mpeg2(const regs::RegisterBank& registers,
                                                const Dma& dma);

}  // namespace relfence::board::vpu
