// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include <relfence/regs/register_bank.hpp>

#include "plain_dma.hpp"

namespace relfence::board {

/// Values of the register field, see enum hantro_enc_fmt.
enum class SourceFormat { yuv420m = 0, nv12m = 1, yuyv = 2, uyvy = 3 };

/// A JPEG job as the guest's driver sees it.
struct JpegJob {
    SourceFormat format = SourceFormat::yuv420m;
    std::uint32_t width = 0, height = 0;            ///< of the source, whole macroblocks
    std::uint32_t crop_width = 0, crop_height = 0;  ///< of the picture
    std::array<std::uint8_t, 64> luma{}, chroma{};  ///< quantisation, row by row
    std::vector<std::uint64_t> planes;
    std::uint64_t capture = 0;
    std::uint32_t capture_size = 0;
};

/// Size of the header that the driver puts in front of the scan (JPEG_HEADER_SIZE).
inline constexpr std::uint32_t jpeg_header_size = 624;

/// Writes the header into the CAPTURE buffer and programs @p registers, as
/// rockchip_vpu2_jpeg_enc_run() and hantro_jpeg_header_assemble() do.
void program_jpeg(const JpegJob& job, PlainDma& dma, regs::RegisterBank& registers);

}  // namespace relfence::board
