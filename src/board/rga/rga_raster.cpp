// SPDX-License-Identifier: MIT
#include "rga_raster.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <libyuv/convert_argb.h>
#include <libyuv/planar_functions.h>
#include <vector>

#include "rga_simd.hpp"

namespace relfence::board::rga {

namespace {

constexpr std::uint32_t kBlue = 0, kGreen = 1, kRed = 2, kAlpha = 3;  // Cb, Y, Cr at the same
constexpr std::uint8_t kFormatX = 1;                                  // XBGR8888

/// For each byte of a pixel in memory, the place in the common form. A word of the hardware has
/// red in its lowest byte; RB swap and alpha swap move it.
std::array<std::uint32_t, 4> byte_order(const Surface& s) {
    const std::uint32_t low = s.rb_swap ? kBlue : kRed;
    const std::uint32_t high = s.rb_swap ? kRed : kBlue;
    if (s.alpha_swap && s.format->bytes == 4) return {kAlpha, low, kGreen, high};
    return {low, kGreen, high, kAlpha};
}

/// Where a channel is in a 16-bit pixel.
struct Bits {
    std::uint32_t shift = 0;
    std::uint32_t count = 0;

    /// The value as 8 bits, upper bits repeated below.
    [[nodiscard]] std::uint8_t expand(std::uint32_t pixel) const {
        const std::uint32_t value = (pixel >> shift) & ((1U << count) - 1);
        switch (count) {
            case 1:
                return value != 0 ? 255 : 0;
            case 4:
                return static_cast<std::uint8_t>(value * 17);
            case 5:
                return static_cast<std::uint8_t>(value << 3 | value >> 2);
            case 6:
                return static_cast<std::uint8_t>(value << 2 | value >> 4);
            default:
                return 255;
        }
    }
    [[nodiscard]] std::uint32_t reduce(std::uint8_t value) const {
        return count == 0 ? 0 : static_cast<std::uint32_t>(value >> (8 - count)) << shift;
    }
};

/// The channels of a 16-bit format, by their place in the common form.
std::array<Bits, 4> bit_layout(const Surface& s) {
    std::array<Bits, 4> bits;
    const std::uint32_t low = s.rb_swap ? kBlue : kRed;
    const std::uint32_t high = s.rb_swap ? kRed : kBlue;
    const std::uint32_t color = s.format->code == 6 ? 4 : 5;
    const std::uint32_t green = s.format->code == 4 ? 6 : color;
    const std::uint32_t alpha = 16 - 2 * color - green;
    const std::uint32_t first = s.alpha_swap ? alpha : 0;
    bits[low] = {first, color};
    bits[kGreen] = {first + color, green};
    bits[high] = {first + color + green, color};
    bits[kAlpha] = {s.alpha_swap ? 0 : 16 - alpha, alpha};
    return bits;
}

void unpack_row(const Surface& s, const std::uint8_t* in, std::uint8_t* out, std::uint32_t width) {
    if (s.format->bytes == 2) {
        const auto bits = bit_layout(s);
        for (std::uint32_t x = 0; x < width; ++x, in += 2, out += 4) {
            const std::uint32_t pixel = in[0] | std::uint32_t{in[1]} << 8;
            for (std::uint32_t c = 0; c < 4; ++c) out[c] = bits[c].expand(pixel);
        }
        return;
    }
    const auto order = byte_order(s);
    const std::uint32_t step = s.format->bytes;
    const bool alpha = step == 4 && s.format->code != kFormatX;
    if (alpha && order == std::array<std::uint32_t, 4>{0, 1, 2, 3}) {
        std::memcpy(out, in, std::size_t{width} * 4);
        return;
    }
    for (std::uint32_t x = 0; x < width; ++x, in += step, out += 4) {
        out[kAlpha] = 255;
        for (std::uint32_t i = 0; i < step; ++i) out[order[i]] = in[i];
        if (!alpha) out[kAlpha] = 255;
    }
}

/// Cb and Cr as planes, whatever the layout: pointers into the surface, or into @p split.
struct Chroma {
    const std::uint8_t* u = nullptr;
    const std::uint8_t* v = nullptr;
    std::uint32_t width = 0;
    std::array<std::unique_ptr<std::uint8_t[]>, 2> split;
};

Chroma chroma_planes(const Surface& s, const PlaneBytes& planes) {
    Chroma chroma;
    chroma.width = (s.width + 1) / 2;
    if (s.format->layout == Layout::planar) {
        chroma.u = planes.data[1].get();
        chroma.v = planes.data[2].get();
    } else {
        const std::uint32_t rows = s.planes[1].rows;
        const std::size_t size = std::size_t{chroma.width} * rows;
        for (auto& plane : chroma.split)
            plane = std::make_unique_for_overwrite<std::uint8_t[]>(size);
        const int stride = static_cast<int>(chroma.width);
        libyuv::SplitUVPlane(planes.data[1].get(), stride * 2, chroma.split[0].get(), stride,
                             chroma.split[1].get(), stride, stride, static_cast<int>(rows));
        chroma.u = chroma.split[0].get();
        chroma.v = chroma.split[1].get();
    }
    if (s.uv_swap) std::swap(chroma.u, chroma.v);
    return chroma;
}

/// 16.16 coefficients of Cb, Y, Cr for blue, green, red, and the offsets with a half for rounding.
struct Matrix {
    std::array<std::array<std::int32_t, 3>, 3> rows{};
    std::array<std::int32_t, 3> offset{};
};

Matrix matrix_of(Csc csc) {
    const bool bt709 = csc == Csc::bt709_limited;
    const bool full = csc == Csc::bt601_full;
    const double kr = bt709 ? 0.2126 : 0.299;
    const double kb = bt709 ? 0.0722 : 0.114;
    const double kg = 1 - kr - kb;
    const double luma = full ? 1.0 : 219.0 / 255;
    const double chroma = full ? 1.0 : 224.0 / 255;
    const double y[3] = {kb, kg, kr};
    Matrix m;
    for (std::uint32_t i = 0; i < 3; ++i) {
        const double u = ((i == 0 ? 1.0 : 0.0) - y[i]) / (2 * (1 - kb)) * chroma;
        const double v = ((i == 2 ? 1.0 : 0.0) - y[i]) / (2 * (1 - kr)) * chroma;
        m.rows[0][i] = static_cast<std::int32_t>(std::lround(u * 65536));
        m.rows[1][i] = static_cast<std::int32_t>(std::lround(y[i] * luma * 65536));
        m.rows[2][i] = static_cast<std::int32_t>(std::lround(v * 65536));
    }
    m.offset = {(128 << 16) + (1 << 15), ((full ? 0 : 16) << 16) + (1 << 15),
                (128 << 16) + (1 << 15)};
    return m;
}

/// RGB to YUV in place. Whole pixels at a time, so that the compiler can take several at once.
RELFENCE_PIXEL_LOOP
void yuv_row(const Matrix& m, std::uint8_t* pixels, std::uint32_t width) {
    const auto [u, y, v] = m.rows;
    const auto offset = m.offset;
    for (std::uint32_t x = 0; x < width; ++x) {
        std::uint32_t pixel = 0;
        std::memcpy(&pixel, pixels + std::size_t{x} * 4, 4);
        const auto b = static_cast<std::int32_t>(pixel & 0xff);
        const auto g = static_cast<std::int32_t>(pixel >> 8 & 0xff);
        const auto r = static_cast<std::int32_t>(pixel >> 16 & 0xff);
        // Never negative; full range can round to 256.
        const std::int32_t cb = std::min((u[0] * b + u[1] * g + u[2] * r + offset[0]) >> 16, 255);
        const std::int32_t luma = std::min((y[0] * b + y[1] * g + y[2] * r + offset[1]) >> 16, 255);
        const std::int32_t cr = std::min((v[0] * b + v[1] * g + v[2] * r + offset[2]) >> 16, 255);
        pixel = (pixel & 0xff000000U) | static_cast<std::uint32_t>(cb) |
                static_cast<std::uint32_t>(luma) << 8 | static_cast<std::uint32_t>(cr) << 16;
        std::memcpy(pixels + std::size_t{x} * 4, &pixel, 4);
    }
}

/// Limited-range BT.709 to RGB. @param u, v one sample per pixel
RELFENCE_PIXEL_LOOP
void bt709_row(const std::uint8_t* luma, const std::uint8_t* u, const std::uint8_t* v,
               std::uint8_t* out, std::uint32_t width) {
    constexpr double kr = 0.2126, kb = 0.0722, kg = 1 - kr - kb;
    constexpr double one = 65536;
    constexpr auto y_scale = static_cast<std::int32_t>(255.0 / 219 * one + 0.5);
    constexpr auto v_to_r = static_cast<std::int32_t>(2 * (1 - kr) * 255 / 224 * one + 0.5);
    constexpr auto u_to_b = static_cast<std::int32_t>(2 * (1 - kb) * 255 / 224 * one + 0.5);
    constexpr auto v_to_g =
        static_cast<std::int32_t>(2 * (1 - kr) * kr / kg * 255 / 224 * one + 0.5);
    constexpr auto u_to_g =
        static_cast<std::int32_t>(2 * (1 - kb) * kb / kg * 255 / 224 * one + 0.5);
    const auto to_byte = [](std::int32_t fixed) {
        return static_cast<std::uint32_t>(std::clamp((fixed + (1 << 15)) >> 16, 0, 255));
    };
    for (std::uint32_t x = 0; x < width; ++x) {
        const std::int32_t y = (luma[x] - 16) * y_scale;
        const std::int32_t cb = u[x] - 128;
        const std::int32_t cr = v[x] - 128;
        const std::uint32_t pixel = 0xff000000U | to_byte(y + cb * u_to_b) |
                                    to_byte(y - cb * u_to_g - cr * v_to_g) << 8 |
                                    to_byte(y + cr * v_to_r) << 16;
        std::memcpy(out + std::size_t{x} * 4, &pixel, 4);
    }
}

/// Each sample twice. @param width of the result
void double_samples(const std::uint8_t* in, std::uint8_t* out, std::uint32_t width) {
    for (std::uint32_t x = 0; x + 1 < width; x += 2) out[x] = out[x + 1] = in[x / 2];
    if (width % 2 != 0) out[width - 1] = in[width / 2];
}

}  // namespace

Raster unpack_rgb(const Surface& surface, const PlaneBytes& planes) {
    Raster raster(surface.width, surface.height);
    for (std::uint32_t y = 0; y < surface.height; ++y)
        unpack_row(surface, planes.data[0].get() + std::size_t{y} * surface.planes[0].row_bytes,
                   raster.row(y), surface.width);
    return raster;
}

Raster unpack_yuv(const Surface& surface, const PlaneBytes& planes) {
    Raster raster(surface.width, surface.height);
    const Chroma chroma = chroma_planes(surface, planes);
    for (std::uint32_t y = 0; y < surface.height; ++y) {
        const std::uint8_t* luma = planes.data[0].get() + std::size_t{y} * surface.width;
        const std::size_t at = std::size_t{y / surface.format->y_div} * chroma.width;
        std::uint8_t* out = raster.row(y);
        for (std::uint32_t x = 0; x < surface.width; ++x, out += 4) {
            out[kBlue] = chroma.u[at + x / 2];
            out[kGreen] = luma[x];
            out[kRed] = chroma.v[at + x / 2];
            out[kAlpha] = 255;
        }
    }
    return raster;
}

Raster unpack_yuv_to_rgb(const Surface& surface, const PlaneBytes& planes, Csc csc) {
    Raster raster(surface.width, surface.height);
    const Chroma chroma = chroma_planes(surface, planes);
    if (csc == Csc::bt709_limited) {
        // libyuv's constants hold no coefficient above 2, and blue's here is 2.11: off by 14.
        std::vector<std::uint8_t> u(surface.width);
        std::vector<std::uint8_t> v(surface.width);
        for (std::uint32_t y = 0; y < surface.height; ++y) {
            const std::size_t at = std::size_t{y / surface.format->y_div} * chroma.width;
            double_samples(chroma.u + at, u.data(), surface.width);
            double_samples(chroma.v + at, v.data(), surface.width);
            bt709_row(planes.data[0].get() + std::size_t{y} * surface.width, u.data(), v.data(),
                      raster.row(y), surface.width);
        }
        return raster;
    }
    const auto* constants =
        csc == Csc::bt601_full ? &libyuv::kYuvJPEGConstants : &libyuv::kYuvI601Constants;
    const auto convert =
        surface.format->y_div == 2 ? libyuv::I420ToARGBMatrix : libyuv::I422ToARGBMatrix;
    const int width = static_cast<int>(surface.width);
    const int chroma_stride = static_cast<int>(chroma.width);
    convert(planes.data[0].get(), width, chroma.u, chroma_stride, chroma.v, chroma_stride,
            raster.row(0), static_cast<int>(raster.stride()), constants, width,
            static_cast<int>(surface.height));
    return raster;
}

std::array<std::uint8_t, 4> unpack_color(const Surface& format, std::uint32_t color) {
    std::array<std::uint8_t, 4> in;
    std::array<std::uint8_t, 4> out;
    for (std::uint32_t i = 0; i < 4; ++i) in[i] = static_cast<std::uint8_t>(color >> (8 * i));
    unpack_row(format, in.data(), out.data(), 1);
    return out;
}

void to_yuv(Raster& raster, Csc csc) {
    const Matrix m = matrix_of(csc);
    for (std::uint32_t y = 0; y < raster.height(); ++y) yuv_row(m, raster.row(y), raster.width());
}

void pack_rgb_row(const Surface& surface, const std::uint8_t* pixels, std::byte* out) {
    if (surface.format->bytes == 2) {
        const auto bits = bit_layout(surface);
        for (std::uint32_t x = 0; x < surface.width; ++x, pixels += 4, out += 2) {
            std::uint32_t pixel = 0;
            for (std::uint32_t c = 0; c < 4; ++c) pixel |= bits[c].reduce(pixels[c]);
            out[0] = static_cast<std::byte>(pixel);
            out[1] = static_cast<std::byte>(pixel >> 8);
        }
        return;
    }
    const auto order = byte_order(surface);
    const std::uint32_t step = surface.format->bytes;
    const bool opaque = surface.format->code == kFormatX;
    if (step == 4 && !opaque && order == std::array<std::uint32_t, 4>{0, 1, 2, 3}) {
        std::memcpy(out, pixels, std::size_t{surface.width} * 4);
        return;
    }
    for (std::uint32_t x = 0; x < surface.width; ++x, pixels += 4, out += step) {
        for (std::uint32_t i = 0; i < step; ++i)
            out[i] = static_cast<std::byte>(order[i] == kAlpha && opaque ? 255 : pixels[order[i]]);
    }
}

void pack_luma_row(const Surface& surface, const std::uint8_t* pixels, std::byte* out) {
    for (std::uint32_t x = 0; x < surface.width; ++x)
        out[x] = static_cast<std::byte>(pixels[4 * x + kGreen]);
}

void pack_chroma_row(const Surface& surface, const std::uint8_t* top, const std::uint8_t* bottom,
                     std::uint32_t plane, std::byte* out) {
    const bool pairs = surface.format->layout == Layout::semi_planar;
    std::uint32_t first = pairs || plane == 1 ? kBlue : kRed;
    std::uint32_t second = kRed;
    if (surface.uv_swap) {
        first = first == kBlue ? kRed : kBlue;
        second = kBlue;
    }
    const auto mean = [&](std::size_t left, std::size_t right, std::uint32_t channel) {
        left += channel;
        right += channel;
        return static_cast<std::byte>((top[left] + top[right] + bottom[left] + bottom[right] + 2) /
                                      4);
    };
    const std::uint32_t pairs_of_pixels = surface.width / 2;
    for (std::uint32_t i = 0; i < pairs_of_pixels; ++i) {
        const std::size_t left = std::size_t{i} * 8;
        if (pairs) {
            out[2 * i] = mean(left, left + 4, first);
            out[2 * i + 1] = mean(left, left + 4, second);
        } else {
            out[i] = mean(left, left + 4, first);
        }
    }
    if (surface.width % 2 != 0) {  // the last pixel is alone
        const std::size_t left = std::size_t{surface.width - 1} * 4;
        std::byte* last = out + std::size_t{pairs_of_pixels} * (pairs ? 2 : 1);
        last[0] = mean(left, left, first);
        if (pairs) last[1] = mean(left, left, second);
    }
}

}  // namespace relfence::board::rga
