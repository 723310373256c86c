// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <relfence/base/error.hpp>
#include <relfence/board/device_model.hpp>
#include <relfence/regs/register_bank.hpp>

namespace relfence::board::vpu {

/// What one JPEG job makes.
struct JpegScan {
    /// A piece of the stream per row of macroblocks; together they begin at the programmed address.
    MemoryWrites writes;
    /// Length of the stream, as the engine reports it in jpeg::stream_limit: in bits.
    std::uint32_t bits = 0;
    /// The programmed limit was reached: `writes` ends there, and the engine would raise
    /// VEPU_REG_INTERRUPT_BUFFER_FULL in place of FRAME_READY.
    bool buffer_full = false;
};

/// Encodes the picture that the driver programmed into VEPU2 to the entropy-coded scan of a
/// baseline JPEG with Annex K's Huffman tables, ended by EOI. The header in front of it is the
/// driver's work.
///
/// Not modelled, since the driver (rockchip_vpu2_hw_jpeg_enc.c) never asks for it: RGB, rotation,
/// restart intervals, a stream that begins within a 64 bit word, other byte orders.
/// @param registers of the encoder as they were when it was started, see jpeg::registers
/// @return EFAULT when the picture or the output is not in memory, EINVAL for what no engine can
///         do or this model does not know
/// May be called from any thread.
[[nodiscard]] Result<JpegScan> encode_jpeg(const regs::RegisterBank& registers, const Dma& dma);

}  // namespace relfence::board::vpu
