// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/regs/register_bank.hpp>

namespace relfence::board::rga {

/// How the bytes of a picture lie in memory.
enum class Layout : std::uint8_t { packed, semi_planar, planar };

/// A pixel format of the hardware, before swaps. Source: RGA_COLOR_FMT_* in rga-hw.h.
struct PixelFormat {
    std::uint8_t code;  ///< sw_src_fmt, sw_dst_fmt
    const char* name;
    Layout layout;
    std::uint8_t bytes;  ///< per pixel of the first plane
    std::uint8_t x_div;  ///< pixels per chroma sample, horizontally
    std::uint8_t y_div;  ///< and vertically
    [[nodiscard]] constexpr bool yuv() const { return layout != Layout::packed; }
};

/// @return the format of a code, or nullptr where it is not modelled (YUYV, palettes)
[[nodiscard]] const PixelFormat* find_format(std::uint32_t code);

/// Rows of bytes at an address of a channel (source, destination).
struct Plane {
    std::uint32_t address = 0;  ///< of the top left byte, in the channel's address space
    std::uint32_t stride = 0;   ///< bytes from row to row
    std::uint32_t row_bytes = 0;
    std::uint32_t rows = 0;
};

/// What translates a channel's addresses.
struct Translation {
    bool enabled = false;     ///< false: they are bus addresses
    std::uint64_t table = 0;  ///< bus address of the page table
};

/// One picture of a job: the active rectangle only, whatever picture it was cropped from.
struct Surface {
    const PixelFormat* format = nullptr;
    bool rb_swap = false;     ///< red and blue change places
    bool alpha_swap = false;  ///< alpha goes from the top of a pixel's word to its bottom
    bool uv_swap = false;     ///< Cb and Cr change places
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    std::array<Plane, 3> planes{};
    std::uint32_t plane_count = 0;
    Translation translation;
};

/// RGA_SRC_CSC_MODE_*, RGA_DST_CSC_MODE_*: range 0 is limited (16 to 235), range 1 full.
enum class Csc : std::uint8_t { bypass, bt601_limited, bt601_full, bt709_limited };

/// How one axis is scaled, before rotation.
struct Scale {
    enum class Mode : std::uint8_t { none, down, up } mode = Mode::none;
    /// 16.16: destination per source pixel when scaling down, source per destination step when
    /// scaling up.
    std::uint32_t factor = 0;
};

/// sw_src_scl_filter: which cubic is used for scaling up.
enum class Cubic : std::uint8_t { catmull_rom, mitchell, hermite, b_spline };

/// What a command asks for, checked: everything that the pixel part needs to know.
struct Blit {
    bool fill = false;             ///< a rectangle in one colour, no source
    std::uint32_t fill_color = 0;  ///< a pixel of fill_format
    Surface fill_format;           ///< format and swaps of fill_color
    Surface source;
    Surface target;
    Csc source_csc = Csc::bypass;
    Csc target_csc = Csc::bypass;
    Scale horizontal;
    Scale vertical;
    Cubic cubic = Cubic::catmull_rom;
    bool vertical_bilinear = false;  ///< scale up vertically with two taps instead of four
    std::uint8_t rotation = 0;       ///< quarter turns clockwise
    bool mirror_x = false;           ///< then left and right of the destination change places
    bool mirror_y = false;           ///< and top and bottom
    bool interrupt_per_command = false;
};

/// Turns the command registers into a Blit.
///
/// @param complaints gets what the driver programmed wrong but the hardware carries on with
/// @return an error when the hardware (or this model of it) cannot do it: EINVAL for what is not
///         modelled, EFAULT for addresses that wrap around
[[nodiscard]] Result<Blit> decode(const regs::RegisterBank& registers,
                                  std::vector<std::string>& complaints);

/// One line for the log: "NV12 1920x1080 -> ABGR8888 1280x720, rotated by 90".
[[nodiscard]] std::string describe(const Blit& blit);

}  // namespace relfence::board::rga
