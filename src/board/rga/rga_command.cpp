// SPDX-License-Identifier: MIT
#include "rga_command.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "rga_registers.hpp"

namespace relfence::board::rga {

namespace {

constexpr std::array kFormats = {
    PixelFormat{0, "ABGR8888", Layout::packed, 4, 1, 1},
    PixelFormat{1, "XBGR8888", Layout::packed, 4, 1, 1},
    PixelFormat{2, "RGB888", Layout::packed, 3, 1, 1},
    PixelFormat{4, "BGR565", Layout::packed, 2, 1, 1},
    PixelFormat{5, "ABGR1555", Layout::packed, 2, 1, 1},
    PixelFormat{6, "ABGR4444", Layout::packed, 2, 1, 1},
    PixelFormat{8, "YUV422SP", Layout::semi_planar, 1, 2, 1},
    PixelFormat{9, "YUV422P", Layout::planar, 1, 2, 1},
    PixelFormat{10, "YUV420SP", Layout::semi_planar, 1, 2, 2},
    PixelFormat{11, "YUV420P", Layout::planar, 1, 2, 2},
};

constexpr std::uint32_t kRenderBitblt = 0;
constexpr std::uint32_t kRenderFill = 2;
constexpr std::uint32_t kMaxRatio = 16;  // RK3288 TRM, RGA2, features

constexpr std::uint32_t div_up(std::uint32_t a, std::uint32_t b) {
    return (a + b - 1) / b;
}

/// Which corner of the destination its base addresses point at: where the source's top left pixel
/// goes. Source: rga_lookup_draw_pos().
struct Corner {
    bool right = false;
    bool bottom = false;
};

Corner first_written(const Blit& blit) {
    return {(blit.rotation == 1 || blit.rotation == 2) != blit.mirror_x,
            (blit.rotation == 2 || blit.rotation == 3) != blit.mirror_y};
}

/// Sets up the planes from the base addresses of the given corner. Source: rga_get_addr_offset(),
/// whose offsets from left to right and from top to bottom are taken off again.
Result<void> place(Surface& surface, const std::array<std::uint32_t, 3>& bases, Corner corner,
                   std::uint32_t stride, std::string_view what,
                   std::vector<std::string>& complaints) {
    const PixelFormat& format = *surface.format;
    surface.plane_count = format.layout == Layout::packed        ? 1
                          : format.layout == Layout::semi_planar ? 2
                                                                 : 3;
    for (std::uint32_t i = 0; i < surface.plane_count; ++i) {
        Plane& plane = surface.planes[i];
        std::int64_t last_column = 0;
        std::int64_t last_row = 0;
        if (i == 0) {
            plane.stride = stride;
            plane.row_bytes = surface.width * format.bytes;
            plane.rows = surface.height;
            last_column = std::int64_t{surface.width - 1} * format.bytes;
            last_row = surface.height - 1;
        } else {
            // Pairs of Cb and Cr, or one of them in rows of half the length.
            const bool pairs = format.layout == Layout::semi_planar;
            plane.stride = pairs ? stride : stride / format.x_div;
            plane.row_bytes = div_up(surface.width, format.x_div) * (pairs ? 2 : 1);
            plane.rows = div_up(surface.height, format.y_div);
            // The last byte, also of pairs, and rounded down as drivers do.
            last_column = std::int64_t{surface.width / (pairs ? 1U : format.x_div)} - 1;
            last_row = std::int64_t{surface.height / format.y_div} - 1;
        }
        const std::int64_t start = std::int64_t{bases[i]} - (corner.right ? last_column : 0) -
                                   (corner.bottom ? last_row * plane.stride : 0);
        const std::int64_t end =
            start + std::int64_t{plane.rows - 1} * plane.stride + plane.row_bytes;
        if (start < 0 || end > std::int64_t{1} << 32)
            return tl::unexpected(Error{EFAULT,
                                        std::string(what),
                                        fmt::format("plane {} goes beyond its address space", i),
                                        {}});
        plane.address = static_cast<std::uint32_t>(start);
    }
    const Plane& first = surface.planes[0];
    if (first.rows > 1 && first.row_bytes > first.stride)
        complaints.push_back(fmt::format("{}: rows of {} bytes with a stride of {}", what,
                                         first.row_bytes, first.stride));
    if (surface.width % format.x_div != 0 || surface.height % format.y_div != 0)
        complaints.push_back(fmt::format("{}: {}x{} pixels are not whole chroma samples", what,
                                         surface.width, surface.height));
    if (format.layout == Layout::semi_planar && surface.planes[1].address % 2 != 0)
        complaints.push_back(
            fmt::format("{}: chroma begins at an odd byte, so Cb and Cr are exchanged", what));
    return {};
}

/// Checks mode and factor against the sizes. Source: rga_cmd_set_trans_info().
Result<Scale> scale_of(std::uint32_t mode, std::uint32_t down, std::uint32_t up, std::uint32_t from,
                       std::uint32_t to, std::string_view axis,
                       std::vector<std::string>& complaints) {
    Scale scale;
    std::uint32_t expected = 0;
    const std::uint32_t wanted = from == to ? 0 : from > to ? 1 : 2;
    if (mode != wanted)
        complaints.push_back(
            fmt::format("{} scale mode {} for {} to {} pixels", axis, mode, from, to));
    switch (mode) {
        case 1:
            scale = {Scale::Mode::down, down};
            expected = (to << 16) / from + 1;
            break;
        case 2:
            scale = {Scale::Mode::up, up};
            expected = to > 1 ? ((from - 1) << 16) / (to - 1) : 0;
            break;
        default:
            return scale;
    }
    if (scale.mode == Scale::Mode::down && scale.factor == 0)
        return tl::unexpected(Error{EINVAL, std::string(axis), "scale factor of 0", {}});
    // One more or less is rounding; drivers differ in it.
    if (mode == wanted && (scale.factor + 1 < expected || scale.factor > expected + 1))
        complaints.push_back(
            fmt::format("{} scale factor {:#x} for {} to {} pixels", axis, scale.factor, from, to));
    if (std::max(from, to) > kMaxRatio * std::min(from, to))
        complaints.push_back(fmt::format("{} scale of {} to {} pixels, more than {} times", axis,
                                         from, to, kMaxRatio));
    return scale;
}

tl::unexpected<Error> not_modelled(std::string what) {
    return tl::unexpected(Error{EINVAL, std::move(what), "is not modelled", {}});
}

/// Conversion modes must be set exactly where the families of colours differ. Source: the comment
/// in rga_cmd_set_trans_info().
void check_csc(const Blit& blit, std::vector<std::string>& complaints) {
    const bool from_yuv = !blit.fill && blit.source.format->yuv();
    const bool to_yuv = blit.target.format->yuv();
    if (!blit.fill && (blit.source_csc != Csc::bypass) != (from_yuv && !to_yuv))
        complaints.push_back(fmt::format("source conversion mode {} from {} to {}",
                                         static_cast<int>(blit.source_csc),
                                         blit.source.format->name, blit.target.format->name));
    if ((blit.target_csc != Csc::bypass) != (!from_yuv && to_yuv))
        complaints.push_back(fmt::format(
            "destination conversion mode {} from {} to {}", static_cast<int>(blit.target_csc),
            blit.fill ? "a colour" : blit.source.format->name, blit.target.format->name));
}

}  // namespace

const PixelFormat* find_format(std::uint32_t code) {
    const auto* found = std::find_if(kFormats.begin(), kFormats.end(),
                                     [&](const PixelFormat& f) { return f.code == code; });
    return found == kFormats.end() ? nullptr : found;
}

Result<Blit> decode(const regs::RegisterBank& registers, std::vector<std::string>& complaints) {
    const auto get = [&](const regs::Field& f) { return registers.get(f); };
    Blit blit;
    const std::uint32_t render = get(field::render_mode);
    blit.fill = render == kRenderFill;
    if (render != kRenderBitblt && !blit.fill)
        return not_modelled(fmt::format("render mode {}", render));
    if (!blit.fill && get(field::bitblt_mode) != 0) return not_modelled("bitblt of two sources");
    blit.interrupt_per_command = get(field::current_done_enable) != 0;

    Surface& target = blit.target;
    target.format = find_format(get(field::dst_format));
    if (target.format == nullptr)
        return not_modelled(fmt::format("destination format {}", get(field::dst_format)));
    target.rb_swap = get(field::dst_rb_swap) != 0;
    target.alpha_swap = get(field::dst_alpha_swap) != 0;
    target.uv_swap = get(field::dst_uv_swap) != 0;
    target.width = get(field::dst_width) + 1;
    target.height = get(field::dst_height) + 1;
    target.translation = {get(field::dst_mmu) != 0,
                          std::uint64_t{registers.value(kMmuDstBase)} << 4};
    blit.target_csc = static_cast<Csc>(get(field::dst_csc_mode));

    if (blit.fill) {
        blit.fill_format.format = find_format(get(field::src1_format));
        if (blit.fill_format.format == nullptr)
            return not_modelled(fmt::format("format {} of a colour", get(field::src1_format)));
        blit.fill_format.rb_swap = get(field::src1_rb_swap) != 0;
        blit.fill_format.alpha_swap = get(field::src1_alpha_swap) != 0;
        blit.fill_color = registers.value(kSrcFgColor);
    } else {
        blit.rotation = static_cast<std::uint8_t>(get(field::src_rotation));
        blit.mirror_x = (get(field::src_mirror) & 1) != 0;
        blit.mirror_y = (get(field::src_mirror) & 2) != 0;
    }
    if (auto placed = place(
            target,
            {registers.value(kDstBase0), registers.value(kDstBase1), registers.value(kDstBase2)},
            first_written(blit), get(field::dst_stride) * 4, "destination", complaints);
        !placed)
        return tl::unexpected(placed.error());

    if (!blit.fill) {
        Surface& source = blit.source;
        source.format = find_format(get(field::src_format));
        if (source.format == nullptr)
            return not_modelled(fmt::format("source format {}", get(field::src_format)));
        source.rb_swap = get(field::src_rb_swap) != 0;
        source.alpha_swap = get(field::src_alpha_swap) != 0;
        source.uv_swap = get(field::src_uv_swap) != 0;
        source.width = get(field::src_width) + 1;
        source.height = get(field::src_height) + 1;
        source.translation = {get(field::src_mmu) != 0,
                              std::uint64_t{registers.value(kMmuSrcBase)} << 4};
        blit.source_csc = static_cast<Csc>(get(field::src_csc_mode));
        if (auto placed = place(source,
                                {registers.value(kSrcBase0), registers.value(kSrcBase1),
                                 registers.value(kSrcBase2)},
                                {}, get(field::src_stride) * 4, "source", complaints);
            !placed)
            return tl::unexpected(placed.error());

        const bool turned = blit.rotation % 2 != 0;
        auto horizontal =
            scale_of(get(field::src_hscl_mode), get(field::x_down), get(field::x_up), source.width,
                     turned ? target.height : target.width, "horizontal", complaints);
        if (!horizontal) return tl::unexpected(horizontal.error());
        auto vertical =
            scale_of(get(field::src_vscl_mode), get(field::y_down), get(field::y_up), source.height,
                     turned ? target.width : target.height, "vertical", complaints);
        if (!vertical) return tl::unexpected(vertical.error());
        blit.horizontal = *horizontal;
        blit.vertical = *vertical;
        blit.cubic = static_cast<Cubic>(get(field::src_bicubic));
        // The line buffers hold 2048 pixels; wider sources get two taps (RK3288 TRM, RGA2).
        blit.vertical_bilinear = get(field::src_vsp_bilinear) != 0 || source.width > 2048;
    }
    check_csc(blit, complaints);
    return blit;
}

std::string describe(const Blit& blit) {
    std::string text = blit.fill ? std::string("fill of ")
                                 : fmt::format("{} {}x{} -> ", blit.source.format->name,
                                               blit.source.width, blit.source.height);
    text +=
        fmt::format("{} {}x{}", blit.target.format->name, blit.target.width, blit.target.height);
    if (blit.rotation != 0) text += fmt::format(", rotated by {}", blit.rotation * 90);
    if (blit.mirror_x) text += ", mirrored in x";
    if (blit.mirror_y) text += ", mirrored in y";
    return text;
}

}  // namespace relfence::board::rga
