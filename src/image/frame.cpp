// SPDX-License-Identifier: MIT
#include <algorithm>
#include <libyuv/convert.h>
#include <libyuv/convert_argb.h>
#include <libyuv/convert_from_argb.h>

#include <fmt/format.h>

#include <relfence/image/frame.hpp>

namespace relfence::image {
namespace {

bool is_halved(Layout layout) {
    return layout == Layout::nv12 || layout == Layout::yuv420;
}

Result<void> check(const FrameView& view) {
    const std::string name = fmt::format("{}x{} frame", view.width, view.height);
    if (view.width == 0 || view.height == 0) return fail("has no pixels", name);
    if (is_halved(view.layout) && (view.width % 2 != 0 || view.height % 2 != 0))
        return fail("4:2:0 needs an even size", name);
    const std::size_t needed = frame_size(view.layout, view.width, view.height);
    if (view.bytes.size() < needed)
        return fail(fmt::format("has {} bytes of {}", view.bytes.size(), needed), name);
    return {};
}

}  // namespace

unsigned row_bytes(Layout layout, unsigned width) {
    switch (layout) {
        case Layout::nv12:
        case Layout::yuv420:
            return width;
        case Layout::xrgb8888:
            return width * 4;
        case Layout::rgb24:
            return width * 3;
        case Layout::rgb565:
            return width * 2;
    }
    return 0;
}

std::size_t frame_size(Layout layout, unsigned width, unsigned height) {
    const std::size_t plane = std::size_t{row_bytes(layout, width)} * height;
    return is_halved(layout) ? plane + plane / 2 : plane;
}

Frame Frame::zeros(Layout layout, unsigned width, unsigned height) {
    return {layout, width, height, std::vector<std::uint8_t>(frame_size(layout, width, height))};
}

Frame Frame::copy(const FrameView& view) {
    const std::size_t size =
        std::min(view.bytes.size(), frame_size(view.layout, view.width, view.height));
    return {view.layout,
            view.width,
            view.height,
            {view.bytes.begin(), view.bytes.begin() + static_cast<std::ptrdiff_t>(size)}};
}

Result<Frame> convert(const FrameView& from, Layout to) {
    if (auto ok = check(from); !ok) return tl::make_unexpected(ok.error());
    if (from.layout == to) return Frame::copy(from);

    const int width = static_cast<int>(from.width);
    const int height = static_cast<int>(from.height);
    const int half = width / 2;
    const std::size_t luma = std::size_t{from.width} * from.height;
    // libyuv names formats by the word, low byte last: its ARGB is B, G, R, A in memory.
    Frame xrgb = Frame::zeros(Layout::xrgb8888, from.width, from.height);
    const int xrgb_row = width * 4;
    const std::uint8_t* in = from.bytes.data();
    std::uint8_t* middle = xrgb.bytes.data();
    int bad = 0;
    switch (from.layout) {
        case Layout::xrgb8888:
            xrgb = Frame::copy(from);
            break;
        case Layout::nv12:
            bad = libyuv::NV12ToARGB(in, width, in + luma, width, middle, xrgb_row, width, height);
            break;
        case Layout::yuv420:
            bad = libyuv::I420ToARGB(in, width, in + luma, half, in + luma + luma / 4, half, middle,
                                     xrgb_row, width, height);
            break;
        case Layout::rgb24:
            bad = libyuv::RAWToARGB(in, width * 3, middle, xrgb_row, width, height);
            break;
        case Layout::rgb565:
            bad = libyuv::RGB565ToARGB(in, width * 2, middle, xrgb_row, width, height);
            break;
    }
    if (bad != 0) return fail("cannot be converted to RGB", "frame");
    if (to == Layout::xrgb8888) return xrgb;

    const FrameView target{to, from.width, from.height, {}};
    if (is_halved(to) && (from.width % 2 != 0 || from.height % 2 != 0))
        return fail("4:2:0 needs an even size",
                    fmt::format("{}x{} frame", from.width, from.height));
    Frame out = Frame::zeros(target.layout, target.width, target.height);
    std::uint8_t* o = out.bytes.data();
    middle = xrgb.bytes.data();
    switch (to) {
        case Layout::xrgb8888:
            break;
        case Layout::nv12:
            bad = libyuv::ARGBToNV12(middle, xrgb_row, o, width, o + luma, width, width, height);
            break;
        case Layout::yuv420:
            bad = libyuv::ARGBToI420(middle, xrgb_row, o, width, o + luma, half,
                                     o + luma + luma / 4, half, width, height);
            break;
        case Layout::rgb24:
            bad = libyuv::ARGBToRAW(middle, xrgb_row, o, width * 3, width, height);
            break;
        case Layout::rgb565:
            bad = libyuv::ARGBToRGB565(middle, xrgb_row, o, width * 2, width, height);
            break;
    }
    if (bad != 0) return fail("cannot be converted from RGB", "frame");
    return out;
}

}  // namespace relfence::image
