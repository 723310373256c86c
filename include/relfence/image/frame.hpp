// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <relfence/base/error.hpp>

namespace relfence::image {

/// How the pixels of a frame lie in memory: tightly packed rows, planes one after the other.
/// Source: Documentation/userspace-api/media/v4l/pixfmt-*.rst of Linux 6.12.
enum class Layout {
    nv12,      ///< V4L2_PIX_FMT_NV12: Y, then interleaved CbCr, both halved
    yuv420,    ///< V4L2_PIX_FMT_YUV420: Y, Cb, Cr
    xrgb8888,  ///< DRM_FORMAT_XRGB8888 = V4L2_PIX_FMT_XBGR32 ("XR24"): B, G, R, unused
    rgb24,     ///< V4L2_PIX_FMT_RGB24: R, G, B
    rgb565,    ///< DRM_FORMAT_RGB565 = V4L2_PIX_FMT_RGB565, little endian
};

/// Bytes of a frame. The 4:2:0 layouts need even sizes.
[[nodiscard]] std::size_t frame_size(Layout layout, unsigned width, unsigned height);
/// Bytes of one row of the first plane.
[[nodiscard]] unsigned row_bytes(Layout layout, unsigned width);

/// A picture that someone else owns. Valid as long as the bytes behind it; cheap to copy.
struct FrameView {
    Layout layout;
    unsigned width;
    unsigned height;
    std::span<const std::uint8_t> bytes;  ///< at least frame_size() of them
};

/// A picture with its own pixels. Value type, safe to copy between threads.
struct Frame {
    Layout layout = Layout::xrgb8888;
    unsigned width = 0;
    unsigned height = 0;
    std::vector<std::uint8_t> bytes;

    /// A frame of zeros: black in RGB, green in YUV (what unwritten memory looks like).
    [[nodiscard]] static Frame zeros(Layout layout, unsigned width, unsigned height);
    /// A copy of what @p view shows.
    [[nodiscard]] static Frame copy(const FrameView& view);

    [[nodiscard]] FrameView view() const { return {layout, width, height, bytes}; }
};

/// The same picture in another layout (limited-range BT.601 for YUV, through libyuv).
/// Conversion goes by way of xrgb8888, so YUV to YUV is lossy. Fails when the view has too few
/// bytes or a 4:2:0 layout has an odd size.
[[nodiscard]] Result<Frame> convert(const FrameView& from, Layout to);

}  // namespace relfence::image
