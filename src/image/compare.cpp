// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include <fmt/format.h>

#include <relfence/image/compare.hpp>

namespace relfence::image {
namespace {

Result<void> check_pair(const FrameView& a, const FrameView& b) {
    if (a.layout != b.layout || a.width != b.width || a.height != b.height)
        return fail("are not of one layout and size",
                    fmt::format("frames {}x{} and {}x{}", a.width, a.height, b.width, b.height));
    const std::size_t needed = frame_size(a.layout, a.width, a.height);
    if (a.bytes.size() < needed || b.bytes.size() < needed)
        return fail(fmt::format("{} and {} bytes of {}", a.bytes.size(), b.bytes.size(), needed),
                    "frames");
    return {};
}

/// Whether any sample of pixel (x, y) differs.
bool pixel_differs(const FrameView& a, const FrameView& b, unsigned x, unsigned y) {
    const auto differs = [&](std::size_t offset, std::size_t count) {
        return !std::equal(&a.bytes[offset], &a.bytes[offset] + count, &b.bytes[offset]);
    };
    const std::size_t at = std::size_t{y} * a.width + x;
    const std::size_t luma = std::size_t{a.width} * a.height;
    const std::size_t chroma = std::size_t{y / 2} * (a.width / 2) + x / 2;
    switch (a.layout) {
        case Layout::nv12:
            return differs(at, 1) || differs(luma + chroma * 2, 2);
        case Layout::yuv420:
            return differs(at, 1) || differs(luma + chroma, 1) ||
                   differs(luma + luma / 4 + chroma, 1);
        case Layout::xrgb8888:
            return differs(at * 4, 3);
        case Layout::rgb24:
            return differs(at * 3, 3);
        case Layout::rgb565:
            return differs(at * 2, 2);
    }
    return true;
}

}  // namespace

Result<Difference> compare(const FrameView& a, const FrameView& b) {
    if (auto ok = check_pair(a, b); !ok) return tl::make_unexpected(ok.error());
    Difference difference;
    // The common answer, "the same", must not cost a look at each pixel.
    const std::size_t size = frame_size(a.layout, a.width, a.height);
    if (std::equal(a.bytes.begin(), a.bytes.begin() + static_cast<std::ptrdiff_t>(size),
                   b.bytes.begin()))
        return difference;
    for (unsigned y = 0; y < a.height; ++y) {
        for (unsigned x = 0; x < a.width; ++x) {
            if (!pixel_differs(a, b, x, y)) continue;
            ++difference.pixels;
            if (!difference.first_row) difference.first_row = y;
        }
    }
    return difference;
}

Result<double> psnr(const FrameView& a, const FrameView& b) {
    if (auto ok = check_pair(a, b); !ok) return tl::make_unexpected(ok.error());
    if (a.layout == Layout::rgb565)
        return fail("has no 8-bit samples to take a PSNR of", "rgb565 frame");
    const std::size_t size = frame_size(a.layout, a.width, a.height);
    const bool four = a.layout == Layout::xrgb8888;
    std::uint64_t squares = 0;
    const auto add = [&](std::size_t i) {
        const int delta = int{a.bytes[i]} - int{b.bytes[i]};
        squares += static_cast<std::uint64_t>(delta * delta);
    };
    for (std::size_t i = 0; i < size; ++i)
        if (!four || i % 4 != 3) add(i);
    const double samples = static_cast<double>(four ? size / 4 * 3 : size);
    if (squares == 0) return std::numeric_limits<double>::infinity();
    return 10 * std::log10(255.0 * 255.0 * samples / static_cast<double>(squares));
}

}  // namespace relfence::image
