// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <relfence/regs/register_bank.hpp>

#include "plain_dma.hpp"
#include "stateless/mpeg2_headers.hpp"

namespace relfence::board {

/// One MPEG-2 job as the guest's driver has it: controls and buffers.
struct Mpeg2Job {
    const stateless::Mpeg2CodedPicture* controls = nullptr;
    std::uint32_t width = 0, height = 0;  ///< of the CAPTURE format: whole macroblocks
    std::uint64_t source = 0;
    std::uint32_t source_size = 0;
    std::uint64_t destination = 0;
    std::uint64_t forward = 0, backward = 0;  ///< 0: the driver finds no buffer with the timestamp
    std::uint64_t quantisation = 0;           ///< its table, 256 bytes
};

/// Writes the table and programs @p registers, as rockchip_vpu2_mpeg2_dec_run() does.
void program_mpeg2(const Mpeg2Job& job, PlainDma& dma, regs::RegisterBank& registers);

}  // namespace relfence::board
