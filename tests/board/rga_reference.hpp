// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "rga_driver.hpp"

/// The same picture, made in the most literal way: one pixel at a time, in floating point, from
/// the definitions of V4L2's formats and of BT.601 and BT.709, sharing no code with the model.
namespace rga_test {

/// R, G, B, A or Y, Cb, Cr, A; 0 to 255.
using Pixel = std::array<double, 4>;

struct Picture {
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    std::vector<Pixel> pixels;
    Picture(std::uint32_t w, std::uint32_t h) : width(w), height(h), pixels(std::size_t{w} * h) {}
    Pixel& at(std::uint32_t x, std::uint32_t y) { return pixels[std::size_t{y} * width + x]; }
    [[nodiscard]] const Pixel& at(std::uint32_t x, std::uint32_t y) const {
        return pixels[std::size_t{y} * width + x];
    }
};

/// Byte offsets of the components of a pixel of a packed V4L2 format, or its bits.
struct PackedLayout {
    int bytes;
    std::array<int, 4> place;  ///< R, G, B, A: byte, or lowest bit; -1: not there
    std::array<int, 4> bits;   ///< of each; 8 where bytes > 2
};

inline PackedLayout layout(const Format& f) {
    const std::string n = f.name;
    if (n == "ARGB32") return {4, {1, 2, 3, 0}, {8, 8, 8, 8}};
    if (n == "ABGR32") return {4, {2, 1, 0, 3}, {8, 8, 8, 8}};
    if (n == "XBGR32") return {4, {2, 1, 0, -1}, {8, 8, 8, 0}};
    if (n == "RGB24") return {3, {0, 1, 2, -1}, {8, 8, 8, 0}};
    if (n == "BGR24") return {3, {2, 1, 0, -1}, {8, 8, 8, 0}};
    if (n == "ARGB444") return {2, {8, 4, 0, 12}, {4, 4, 4, 4}};
    if (n == "ARGB555") return {2, {10, 5, 0, 15}, {5, 5, 5, 1}};
    return {2, {11, 5, 0, -1}, {5, 6, 5, 0}};  // RGB565
}

/// One channel of a packed pixel, as a fraction of its maximum times 255; 255 where there is none.
inline double channel(const PackedLayout& l, const std::uint8_t* p, std::size_t c) {
    if (l.place[c] < 0) return 255;
    if (l.bytes > 2) return p[l.place[c]];
    const int word = p[0] | p[1] << 8;
    const int max = (1 << l.bits[c]) - 1;
    return ((word >> l.place[c]) & max) * 255.0 / max;
}

/// Where luma and chroma of a pixel are in the buffer, as the driver's offsets have it.
struct YuvPlaces {
    std::size_t y, u, v;
};
inline YuvPlaces places(const Frame& f, const Offsets& o, std::uint32_t x, std::uint32_t y) {
    const std::string n = f.fmt->name;
    const std::uint32_t row = y / f.fmt->y_div;
    const bool swapped = n == "NV21" || n == "NV61" || n == "YVU420";
    YuvPlaces p{o.y + std::size_t{y} * f.stride + x, 0, 0};
    if (f.fmt->comp_planes == 2) {
        const std::size_t pair = o.u + std::size_t{row} * f.stride + (x / 2) * 2;
        p.u = pair + (swapped ? 1 : 0);
        p.v = pair + (swapped ? 0 : 1);
    } else {
        const std::size_t at = std::size_t{row} * (f.stride / 2) + x / 2;
        p.u = (swapped ? o.v : o.u) + at;
        p.v = (swapped ? o.u : o.v) + at;
    }
    return p;
}

/// The pixels of a frame's rectangle.
inline Picture read(const Frame& f, const Offsets& offsets,
                    const std::vector<std::uint8_t>& bytes) {
    Picture picture(f.crop.width, f.crop.height);
    for (std::uint32_t y = 0; y < f.crop.height; ++y) {
        for (std::uint32_t x = 0; x < f.crop.width; ++x) {
            const std::uint32_t px = x + f.crop.left;
            const std::uint32_t py = y + f.crop.top;
            Pixel& p = picture.at(x, y);
            if (f.fmt->yuv()) {
                const auto at = places(f, offsets, px, py);
                p = {double(bytes[at.y]), double(bytes[at.u]), double(bytes[at.v]), 255};
            } else {
                const auto l = layout(*f.fmt);
                const std::uint8_t* from = bytes.data() + std::size_t{py} * f.stride +
                                           std::size_t{px} * std::size_t(l.bytes);
                for (std::size_t c = 0; c < 4; ++c) p[c] = channel(l, from, c);
            }
        }
    }
    return picture;
}

inline Picture read(const Frame& f, const Buffer& buffer) {
    return read(f, buffer.offsets(), buffer.bytes());
}

inline double clamp255(double v) {
    return std::clamp(v, 0.0, 255.0);
}

/// Limited range, as V4L2's default for YCbCr; full with @p full.
inline Pixel yuv_to_rgb(const Pixel& p, bool rec709, bool full = false) {
    const double kr = rec709 ? 0.2126 : 0.299;
    const double kb = rec709 ? 0.0722 : 0.114;
    const double y = full ? p[0] : (p[0] - 16) * 255 / 219;
    const double u = (p[1] - 128) * (full ? 1.0 : 255.0 / 224);
    const double v = (p[2] - 128) * (full ? 1.0 : 255.0 / 224);
    const double r = y + 2 * (1 - kr) * v;
    const double b = y + 2 * (1 - kb) * u;
    const double g = (y - kr * r - kb * b) / (1 - kr - kb);
    return {clamp255(r), clamp255(g), clamp255(b), p[3]};
}

inline Pixel rgb_to_yuv(const Pixel& p, bool rec709, bool full = false) {
    const double kr = rec709 ? 0.2126 : 0.299;
    const double kb = rec709 ? 0.0722 : 0.114;
    const double y = kr * p[0] + (1 - kr - kb) * p[1] + kb * p[2];
    const double u = (p[2] - y) / (2 * (1 - kb));
    const double v = (p[0] - y) / (2 * (1 - kr));
    if (full) return {y, clamp255(u + 128), clamp255(v + 128), p[3]};
    return {16 + y * 219 / 255, 128 + u * 224 / 255, 128 + v * 224 / 255, p[3]};
}

template <typename Function>
Picture each_pixel(Picture picture, Function function) {
    for (Pixel& p : picture.pixels) p = function(p);
    return picture;
}

/// @param turns quarter turns clockwise, then the mirrors
inline Picture turned(const Picture& in, std::uint32_t degrees, bool left_right, bool up_down) {
    Picture now = in;
    for (std::uint32_t i = 0; i < degrees / 90; ++i) {
        Picture next(now.height, now.width);
        for (std::uint32_t y = 0; y < now.height; ++y) {
            for (std::uint32_t x = 0; x < now.width; ++x)
                next.at(now.height - 1 - y, x) = now.at(x, y);
        }
        now = next;
    }
    Picture out(now.width, now.height);
    for (std::uint32_t y = 0; y < now.height; ++y) {
        for (std::uint32_t x = 0; x < now.width; ++x)
            out.at(left_right ? now.width - 1 - x : x, up_down ? now.height - 1 - y : y) =
                now.at(x, y);
    }
    return out;
}

/// What reading the destination back should give: chroma is the mean of the pixels it stands for.
inline Picture with_chroma_of(const Picture& in, const Format& f) {
    if (!f.yuv()) return in;
    Picture out = in;
    for (std::uint32_t y = 0; y < in.height; ++y) {
        for (std::uint32_t x = 0; x < in.width; ++x) {
            for (std::size_t c = 1; c < 3; ++c) {
                double sum = 0;
                int count = 0;
                for (std::uint32_t v = y / f.y_div * f.y_div;
                     v < std::min(in.height, y / f.y_div * f.y_div + f.y_div); ++v) {
                    for (std::uint32_t u = x / 2 * 2; u < std::min(in.width, x / 2 * 2 + 2); ++u) {
                        sum += in.at(u, v)[c];
                        ++count;
                    }
                }
                out.at(x, y)[c] = sum / count;
            }
        }
    }
    return out;
}

/// How far a pixel may be off: conversion and rounding, and a whole step where bits are cut off.
inline Pixel tolerance(const Format& f, double base) {
    Pixel t{base, base, base, base};
    if (f.yuv()) return t;
    const auto l = layout(f);
    for (std::size_t c = 0; c < 4; ++c) {
        if (l.place[c] < 0)
            t[c] = 255;  // alpha that is not there
        else if (l.bits[c] < 8)
            t[c] += 255.0 / ((1 << l.bits[c]) - 1);
    }
    return t;
}

/// The largest excess over the tolerance; 0 or less is a match.
inline double excess(const Picture& got, const Picture& want, const Pixel& tolerance) {
    if (got.width != want.width || got.height != want.height) return 1e9;
    double worst = -1e9;
    for (std::size_t i = 0; i < got.pixels.size(); ++i) {
        for (std::size_t c = 0; c < 4; ++c)
            worst = std::max(worst, std::abs(got.pixels[i][c] - want.pixels[i][c]) - tolerance[c]);
    }
    return worst;
}

inline double psnr(const Picture& a, const Picture& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.pixels.size(); ++i) {
        for (std::size_t c = 0; c < 3; ++c) {
            const double d = a.pixels[i][c] - b.pixels[i][c];
            sum += d * d;
        }
    }
    const double mean = sum / (3.0 * static_cast<double>(a.pixels.size()));
    return mean == 0 ? 99 : 10 * std::log10(255.0 * 255.0 / mean);
}

}  // namespace rga_test
