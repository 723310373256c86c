// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "rga_command.hpp"

namespace relfence::board::rga {

/// The common form of a picture between its formats: four bytes per pixel, either B, G, R, A or,
/// at the same places, Cb, Y, Cr, A. So an unconverted picture has Y where green is, as on a bus.
class Raster {
  public:
    Raster() = default;
    /// The pixels are not initialised.
    Raster(std::uint32_t width, std::uint32_t height)
        : width_(width),
          height_(height),
          data_(std::make_unique_for_overwrite<std::uint8_t[]>(std::size_t{width} * height * 4)) {}

    [[nodiscard]] std::uint32_t width() const { return width_; }
    [[nodiscard]] std::uint32_t height() const { return height_; }
    [[nodiscard]] std::size_t stride() const { return std::size_t{width_} * 4; }
    [[nodiscard]] std::uint8_t* row(std::uint32_t y) { return data_.get() + stride() * y; }
    [[nodiscard]] const std::uint8_t* row(std::uint32_t y) const {
        return data_.get() + stride() * y;
    }

  private:
    std::uint32_t width_ = 0;
    std::uint32_t height_ = 0;
    std::unique_ptr<std::uint8_t[]> data_;
};

/// A private copy of a surface's planes, rows without padding.
struct PlaneBytes {
    std::array<std::unique_ptr<std::uint8_t[]>, 3> data;
};

/// Unpacks a packed surface. Channels of fewer than 8 bits get their upper bits repeated below;
/// alpha is 255 where the format has none.
[[nodiscard]] Raster unpack_rgb(const Surface& surface, const PlaneBytes& planes);
/// Unpacks a YUV surface without conversion: each chroma sample is repeated for its pixels.
[[nodiscard]] Raster unpack_yuv(const Surface& surface, const PlaneBytes& planes);
/// Unpacks a YUV surface to RGB, within 3 of the exact values (libyuv for BT.601) or 1 (BT.709).
[[nodiscard]] Raster unpack_yuv_to_rgb(const Surface& surface, const PlaneBytes& planes, Csc csc);
/// One pixel in the common form.
[[nodiscard]] std::array<std::uint8_t, 4> unpack_color(const Surface& format, std::uint32_t color);

/// Converts all pixels from RGB to YUV in place.
void to_yuv(Raster& raster, Csc csc);

/// Packs one row of pixels; excess bits are cut off, since nobody enables dithering.
/// @param out row_bytes of the first plane
void pack_rgb_row(const Surface& surface, const std::uint8_t* pixels, std::byte* out);
void pack_luma_row(const Surface& surface, const std::uint8_t* pixels, std::byte* out);
/// Packs one row of chroma: each sample is the rounded mean of its pixels.
/// @param top the upper row of pixels @param bottom the lower one, or top again
/// @param plane 1 or 2 @param out row_bytes of that plane
void pack_chroma_row(const Surface& surface, const std::uint8_t* top, const std::uint8_t* bottom,
                     std::uint32_t plane, std::byte* out);

}  // namespace relfence::board::rga
