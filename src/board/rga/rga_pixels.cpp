// SPDX-License-Identifier: MIT
#include "rga_pixels.hpp"

#include <algorithm>
#include <cstring>
#include <libyuv/planar_functions.h>
#include <libyuv/rotate_argb.h>
#include <utility>

#include "rga_raster.hpp"
#include "rga_scale.hpp"

namespace relfence::board::rga {

namespace {

constexpr std::uint8_t kFormatX = 1;  // XBGR8888, whose fourth byte is not copied but set

/// Reads the planes of a surface once: the guest may change them while we work.
Result<PlaneBytes> load(const Surface& surface, const Dma& dma, const PageMap& map) {
    PlaneBytes planes;
    for (std::uint32_t i = 0; i < surface.plane_count; ++i) {
        const Plane& plane = surface.planes[i];
        planes.data[i] = std::make_unique_for_overwrite<std::uint8_t[]>(
            std::size_t{plane.row_bytes} * plane.rows);
        // Rows without padding are one piece.
        const bool whole = plane.stride == plane.row_bytes;
        const std::uint32_t count = whole ? 1 : plane.rows;
        const std::size_t bytes = std::size_t{plane.row_bytes} * (whole ? plane.rows : 1);
        for (std::uint32_t row = 0; row < count; ++row) {
            const std::span<std::uint8_t> out(planes.data[i].get() + row * bytes, bytes);
            const auto address =
                static_cast<std::uint32_t>(plane.address + std::uint64_t{row} * plane.stride);
            if (auto done = map.read(dma, address, std::as_writable_bytes(out)); !done)
                return tl::unexpected(done.error());
        }
    }
    return planes;
}

/// Collects what goes to memory.
class Writer {
  public:
    Writer(const Surface& surface, const PageMap& map) : surface_(surface), map_(map) {
        std::size_t rows = 0;
        for (std::uint32_t i = 0; i < surface.plane_count; ++i) rows += surface.planes[i].rows;
        writes_.reserve(rows * 2);
    }
    [[nodiscard]] Result<void> row(std::uint32_t plane, std::uint32_t row,
                                   std::vector<std::byte> bytes) {
        const Plane& to = surface_.planes[plane];
        const auto address =
            static_cast<std::uint32_t>(to.address + std::uint64_t{row} * to.stride);
        const std::size_t total = bytes.size();
        return map_.pieces(
            address, total, [&](std::uint64_t bus, std::size_t offset, std::size_t length) {
                if (length == total) {
                    writes_.push_back({bus, std::move(bytes)});
                    return;
                }
                const auto from = bytes.begin() + static_cast<std::ptrdiff_t>(offset);
                writes_.push_back({bus, {from, from + static_cast<std::ptrdiff_t>(length)}});
            });
    }
    [[nodiscard]] MemoryWrites take() { return std::move(writes_); }

  private:
    const Surface& surface_;
    const PageMap& map_;
    MemoryWrites writes_;
};

/// Calls @p emit(plane, row) for every row of every plane, in the hardware's order.
template <typename Emit>
Result<void> in_order(const Surface& surface, bool upwards, Emit emit) {
    const std::uint32_t step = surface.format->y_div;
    const std::uint32_t groups = (surface.height + step - 1) / step;
    for (std::uint32_t i = 0; i < groups; ++i) {
        const std::uint32_t group = upwards ? groups - 1 - i : i;
        const std::uint32_t end = std::min((group + 1) * step, surface.height);
        for (std::uint32_t row = group * step; row < end; ++row) {
            if (auto done = emit(0U, row); !done) return done;
        }
        for (std::uint32_t plane = 1; plane < surface.plane_count; ++plane) {
            if (auto done = emit(plane, group); !done) return done;
        }
    }
    return {};
}

/// The bytes of a destination row, from the finished picture.
std::vector<std::byte> pack(const Surface& surface, const Raster& picture, std::uint32_t plane,
                            std::uint32_t row) {
    std::vector<std::byte> bytes(surface.planes[plane].row_bytes);
    if (!surface.format->yuv()) {
        pack_rgb_row(surface, picture.row(row), bytes.data());
    } else if (plane == 0) {
        pack_luma_row(surface, picture.row(row), bytes.data());
    } else {
        const std::uint32_t top = row * surface.format->y_div;
        const std::uint32_t bottom = std::min(top + surface.format->y_div, surface.height) - 1;
        pack_chroma_row(surface, picture.row(top), picture.row(bottom), plane, bytes.data());
    }
    return bytes;
}

/// Quarter turns clockwise, then the mirrors of the turned picture: the order that makes
/// rga_lookup_draw_pos() right for every combination.
Raster turn(Raster in, const Blit& blit) {
    const auto stride = [](const Raster& r) { return static_cast<int>(r.stride()); };
    if (blit.rotation != 0) {
        const bool quarter = blit.rotation % 2 != 0;
        Raster out(quarter ? in.height() : in.width(), quarter ? in.width() : in.height());
        const libyuv::RotationMode modes[] = {libyuv::kRotate0, libyuv::kRotate90,
                                              libyuv::kRotate180, libyuv::kRotate270};
        libyuv::ARGBRotate(in.row(0), stride(in), out.row(0), stride(out),
                           static_cast<int>(in.width()), static_cast<int>(in.height()),
                           modes[blit.rotation]);
        in = std::move(out);
    }
    if (blit.mirror_x) {
        Raster out(in.width(), in.height());
        libyuv::ARGBMirror(in.row(0), stride(in), out.row(0), stride(out),
                           static_cast<int>(in.width()), static_cast<int>(in.height()));
        in = std::move(out);
    }
    if (blit.mirror_y) {
        Raster out(in.width(), in.height());
        for (std::uint32_t y = 0; y < in.height(); ++y)
            std::memcpy(out.row(y), in.row(in.height() - 1 - y), in.stride());
        in = std::move(out);
    }
    return in;
}

/// Nothing but memory to memory: not even a channel changes its place.
bool only_copies(const Blit& blit) {
    const Surface& a = blit.source;
    const Surface& b = blit.target;
    return !blit.fill && a.format == b.format && a.format->code != kFormatX &&
           a.rb_swap == b.rb_swap && a.alpha_swap == b.alpha_swap && a.uv_swap == b.uv_swap &&
           blit.source_csc == Csc::bypass && blit.target_csc == Csc::bypass && a.width == b.width &&
           a.height == b.height && blit.rotation == 0 && !blit.mirror_x && !blit.mirror_y &&
           blit.horizontal.mode == Scale::Mode::none && blit.vertical.mode == Scale::Mode::none;
}

Raster picture_of(const Blit& blit, const PlaneBytes& planes, bool& rgb) {
    rgb = !blit.source.format->yuv();
    if (rgb) return unpack_rgb(blit.source, planes);
    rgb = blit.source_csc != Csc::bypass;
    return rgb ? unpack_yuv_to_rgb(blit.source, planes, blit.source_csc)
               : unpack_yuv(blit.source, planes);
}

Raster filled(const Blit& blit) {
    const auto color = unpack_color(blit.fill_format, blit.fill_color);
    Raster picture(blit.target.width, blit.target.height);
    for (std::uint32_t y = 0; y < picture.height(); ++y) {
        for (std::uint32_t x = 0; x < picture.width(); ++x)
            std::memcpy(picture.row(y) + std::size_t{x} * 4, color.data(), color.size());
    }
    return picture;
}

}  // namespace

Result<MemoryWrites> render(const Blit& blit, const Dma& dma, const PageMap& source,
                            const PageMap& target) {
    PlaneBytes planes;
    if (!blit.fill) {
        auto loaded = load(blit.source, dma, source);
        if (!loaded) return tl::unexpected(loaded.error());
        planes = std::move(*loaded);
    }
    Writer writer(blit.target, target);
    Result<void> done;
    if (only_copies(blit)) {
        done = in_order(blit.target, false, [&](std::uint32_t plane, std::uint32_t row) {
            const std::size_t bytes = blit.target.planes[plane].row_bytes;
            const auto* from =
                reinterpret_cast<const std::byte*>(planes.data[plane].get() + row * bytes);
            return writer.row(plane, row, {from, from + bytes});
        });
    } else {
        bool rgb = true;
        Raster picture = blit.fill ? filled(blit) : picture_of(blit, planes, rgb);
        planes = {};
        if (!blit.fill) {
            const bool quarter = blit.rotation % 2 != 0;
            picture =
                scale(std::move(picture), blit, quarter ? blit.target.height : blit.target.width,
                      quarter ? blit.target.width : blit.target.height);
            picture = turn(std::move(picture), blit);
        }
        if (rgb && blit.target.format->yuv() && blit.target_csc != Csc::bypass)
            to_yuv(picture, blit.target_csc);
        const bool upwards = (blit.rotation == 2 || blit.rotation == 3) != blit.mirror_y;
        done = in_order(blit.target, upwards, [&](std::uint32_t plane, std::uint32_t row) {
            return writer.row(plane, row, pack(blit.target, picture, plane, row));
        });
    }
    if (!done) return tl::unexpected(done.error());
    return writer.take();
}

}  // namespace relfence::board::rga
