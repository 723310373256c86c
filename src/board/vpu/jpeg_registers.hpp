// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <span>

#include <relfence/regs/register_bank.hpp>

/// The registers of the encoder VEPU2 that encoding a JPEG uses, by offset from its first register.
///
/// Source: drivers/media/platform/verisilicon/rockchip_vpu2_regs.h and what
/// rockchip_vpu2_hw_jpeg_enc.c programs; meanings of the strides, fills and formats also as in
/// Rockchip's MPP (hal_jpege_vepu2.c).
namespace relfence::board::vpu::jpeg {

/// 16 registers each; a table of 64 bytes, in the engine's own order, first byte on top.
inline constexpr std::uint32_t luma_quantisation = 0x000;
inline constexpr std::uint32_t chroma_quantisation = 0x040;
inline constexpr std::uint32_t quantisation_registers = 16;

inline constexpr std::uint32_t in_plane_0 = 0x0c0;
inline constexpr std::uint32_t in_plane_1 = 0x0c4;
inline constexpr std::uint32_t in_plane_2 = 0x0c8;
/// Bytes that fit when written; bits that came out when read after a job.
inline constexpr std::uint32_t stream_limit = 0x0d4;
inline constexpr std::uint32_t output_stream = 0x134;

inline constexpr regs::Field axi_burst_length{"sw_enc_axi_burst_len", 0x0d8, 8, 6};
/// Where in a 64 bit word the stream begins, and the fill at the right (4 pixels) and bottom.
inline constexpr regs::Field stream_start_offset{"sw_enc_strm_start_offset", 0x0f0, 16, 6};
inline constexpr regs::Field right_fill_d4{"sw_enc_x_fill", 0x0f0, 4, 2};
inline constexpr regs::Field bottom_fill{"sw_enc_y_fill", 0x0f0, 0, 4};
inline constexpr regs::Field chroma_offset{"sw_enc_chroma_offset", 0x0f4, 20, 3};
inline constexpr regs::Field luma_offset{"sw_enc_luma_offset", 0x0f4, 16, 3};
/// Of the luma plane, in pixels.
inline constexpr regs::Field row_length{"sw_enc_row_length", 0x0f4, 0, 14};
inline constexpr regs::Field input_format{"sw_enc_input_format", 0x128, 4, 4};
inline constexpr regs::Field input_rotation{"sw_enc_input_rotation", 0x128, 2, 2};
inline constexpr regs::Field mb_height{"sw_enc_mb_height", 0x19c, 20, 9};
inline constexpr regs::Field mb_width{"sw_enc_mb_width", 0x19c, 8, 9};
inline constexpr regs::Field frame_type{"sw_enc_frame_type", 0x19c, 6, 2};
inline constexpr regs::Field encode_format{"sw_enc_format", 0x19c, 4, 2};
inline constexpr regs::Field encode_enable{"sw_enc_e", 0x19c, 0, 1};
inline constexpr regs::Field input_swap{"sw_enc_input_swap", 0x1a4, 29, 3};
inline constexpr regs::Field output_swap{"sw_enc_output_swap", 0x1a4, 26, 3};

inline constexpr std::uint32_t frame_type_intra = 1;
inline constexpr std::uint32_t encode_format_jpeg = 2;
/// Bytes, 16 and 32 bit words swapped: pixels and stream lie in memory byte after byte.
inline constexpr std::uint32_t swap_all = 7;

/// Values of input_format: enum hantro_enc_fmt of the driver's hantro_hw.h.
enum class InputFormat : std::uint8_t { yuv420p = 0, yuv420sp = 1, yuyv422 = 2, uyvy422 = 3 };

inline constexpr std::array fields{
    axi_burst_length, stream_start_offset, right_fill_d4,  bottom_fill, chroma_offset, luma_offset,
    row_length,       input_format,        input_rotation, mb_height,   mb_width,      frame_type,
    encode_format,    encode_enable,       input_swap,     output_swap,
};

inline constexpr std::array<regs::Register, 2 * quantisation_registers + 11> registers = [] {
    std::array<regs::Register, 2 * quantisation_registers + 11> all{};
    std::size_t next = 0;
    for (std::uint32_t i = 0; i < quantisation_registers; ++i)
        all[next++] = {"jpeg_luma_quant", luma_quantisation + 4 * i, 0, true};
    for (std::uint32_t i = 0; i < quantisation_registers; ++i)
        all[next++] = {"jpeg_chroma_quant", chroma_quantisation + 4 * i, 0, true};
    for (const regs::Register& row : {
             regs::Register{"addr_in_plane_0", in_plane_0, 0, true},
             regs::Register{"addr_in_plane_1", in_plane_1, 0, true},
             regs::Register{"addr_in_plane_2", in_plane_2, 0, true},
             regs::Register{"str_buf_limit", stream_limit, 0, true},
             regs::Register{"axi_ctrl", axi_burst_length.offset},
             regs::Register{"enc_over_fill_strm_offset", bottom_fill.offset},
             regs::Register{"input_luma_info", row_length.offset},
             regs::Register{"enc_ctrl1", input_format.offset},
             regs::Register{"addr_output_stream", output_stream, 0, true},
             regs::Register{"encode_start", encode_enable.offset},
             regs::Register{"data_endian", input_swap.offset},
         })
        all[next++] = row;
    return all;
}();

}  // namespace relfence::board::vpu::jpeg
