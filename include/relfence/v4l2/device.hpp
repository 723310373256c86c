// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <relfence/base/error.hpp>
#include <relfence/base/unique_fd.hpp>

namespace relfence::v4l2 {

/// One ioctl(2) of a video or media device: returns what failed and does not log, since the caller
/// has the context.
/// @param name the request's name, for the error: "VIDIOC_QBUF"
[[nodiscard]] Result<void> call(int fd, unsigned long request, void* argument,
                                std::string_view name);

/// Opens the video device whose name in sysfs starts with @p name, without blocking:
/// "stateful-decoder", "vim2m". Fails when there is none.
[[nodiscard]] Result<UniqueFd> open_video(std::string_view name);

/// Opens the media device of a driver: media requests are allocated there.
/// @param driver media_device_info.driver: "visl"
[[nodiscard]] Result<UniqueFd> open_media(std::string_view driver);

/// What a queue's buffers hold.
struct Format {
    std::uint32_t pixel_format = 0;  ///< V4L2_PIX_FMT_*
    unsigned width = 0;
    unsigned height = 0;
    std::size_t size = 0;  ///< bytes of one buffer, as the driver said
    unsigned planes = 1;   ///< buffers that a picture is spread over
};

/// VIDIOC_G_FMT of a queue, single- or multi-planar.
/// @param type a v4l2_buf_type of video
[[nodiscard]] Result<Format> get_format(int fd, std::uint32_t type);
/// VIDIOC_S_FMT. @param format its size is a wish for what is coded, and no more; 0 is none
/// @return what the driver made of it; fails when pixel format, width or height are not as asked,
/// or a picture has several planes
[[nodiscard]] Result<Format> set_format(int fd, std::uint32_t type, const Format& format);

/// The same where only the pixel format has to be as asked: drivers align coded pictures, or know
/// nothing of them before they have seen the stream.
[[nodiscard]] Result<Format> set_pixel_format(int fd, std::uint32_t type, const Format& format);

/// Sets a control that is found by its name, as for drivers whose own controls have no public id.
/// @param name as VIDIOC_QUERY_EXT_CTRL tells it: "Transaction Time (msec)"
/// Fails when there is no control of that name, or when it refuses the value.
[[nodiscard]] Result<void> set_control(int fd, std::string_view name, std::int64_t value);

}  // namespace relfence::v4l2
