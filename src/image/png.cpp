// SPDX-License-Identifier: MIT
#include <cstdio>
#include <cstring>

#include <png.h>

#include <relfence/image/png.hpp>

namespace relfence::image {
namespace {

/// libpng's simplified API keeps its own error text; this makes an Error of it.
tl::unexpected<Error> png_failure(const png_image& image, std::string_view operation,
                                  const std::string& path) {
    return fail(std::string{operation} + ": " + image.message, path);
}

}  // namespace

Result<void> write_png(const std::string& path, const FrameView& frame) {
    auto rgb = convert(frame, Layout::rgb24);
    if (!rgb) return tl::make_unexpected(rgb.error());
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = rgb->width;
    image.height = rgb->height;
    image.format = PNG_FORMAT_RGB;
    const std::string part = path + ".part";
    if (png_image_write_to_file(&image, part.c_str(), 0, rgb->bytes.data(),
                                static_cast<png_int_32>(rgb->width * 3), nullptr) == 0) {
        auto error = png_failure(image, "write PNG", path);
        std::remove(part.c_str());
        return error;
    }
    if (std::rename(part.c_str(), path.c_str()) != 0) {
        auto error = fail_errno("rename to", path);
        std::remove(part.c_str());
        return error;
    }
    return {};
}

Result<Frame> read_png(const std::string& path) {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    if (png_image_begin_read_from_file(&image, path.c_str()) == 0)
        return png_failure(image, "read PNG", path);
    image.format = PNG_FORMAT_RGB;
    Frame frame = Frame::zeros(Layout::rgb24, image.width, image.height);
    if (png_image_finish_read(&image, nullptr, frame.bytes.data(),
                              static_cast<png_int_32>(image.width * 3), nullptr) == 0)
        return png_failure(image, "read PNG", path);
    return frame;
}

Result<Frame> side_by_side(const FrameView& left, const FrameView& right) {
    if (left.width != right.width || left.height != right.height)
        return fail("are not of one size", "frames side by side");
    auto a = convert(left, Layout::rgb24);
    if (!a) return a;
    auto b = convert(right, Layout::rgb24);
    if (!b) return b;
    constexpr unsigned gap = 8;
    constexpr std::uint8_t grey = 0x80;
    Frame both = Frame::zeros(Layout::rgb24, left.width * 2 + gap, left.height);
    const std::size_t row = std::size_t{left.width} * 3;
    for (unsigned y = 0; y < left.height; ++y) {
        std::uint8_t* out = &both.bytes[std::size_t{both.width} * 3 * y];
        std::memcpy(out, &a->bytes[row * y], row);
        std::memset(out + row, grey, std::size_t{gap} * 3);
        std::memcpy(out + row + std::size_t{gap} * 3, &b->bytes[row * y], row);
    }
    return both;
}

}  // namespace relfence::image
