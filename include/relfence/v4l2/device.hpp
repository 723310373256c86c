// SPDX-License-Identifier: MIT
#pragma once

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

/// Sets a control that is found by its name, as for drivers whose own controls have no public id.
/// @param name as VIDIOC_QUERY_EXT_CTRL tells it: "Transaction Time (msec)"
/// Fails when there is no control of that name, or when it refuses the value.
[[nodiscard]] Result<void> set_control(int fd, std::string_view name, std::int64_t value);

}  // namespace relfence::v4l2
