// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/base/unique_fd.hpp>

namespace relfence::devices {

/// A pixel format as VIDIOC_ENUM_FMT tells it.
struct VideoFormat {
    std::uint32_t fourcc = 0;  ///< V4L2_PIX_FMT_*
    std::string description;   ///< "VP8 Frame"
    bool compressed = false;
};

/// One of the two queues of a mem2mem device.
struct VideoQueue {
    std::uint32_t type = 0;  ///< v4l2_buf_type
    std::vector<VideoFormat> formats;
    /// V4L2_BUF_CAP_* of v4l2_requestbuffers, for the format that the device starts with.
    std::uint32_t buffer_capabilities = 0;
};

/// What a mem2mem device does, told by its formats alone.
enum class Role {
    stateless_decoder,  ///< coded to raw, one media request a frame
    stateful_decoder,   ///< coded to raw, parses the stream itself
    encoder,            ///< raw to coded
    converter,          ///< raw to raw: scalers, rotators, colour converters
};
[[nodiscard]] std::string_view name_of(Role role);

/// A V4L2 mem2mem device.
struct VideoDevice {
    std::string path;    ///< "/dev/video2"
    std::string driver;  ///< v4l2_capability.driver
    std::string card;
    std::string bus;
    Role role = Role::converter;
    VideoQueue output;   ///< what goes in
    VideoQueue capture;  ///< what comes out
    std::string media;   ///< "/dev/media0"; empty when it has none
};

/// A device node that could not be looked at, with the reason.
struct Unreadable {
    std::string path;
    Error error;
};

struct VideoDevices {
    std::vector<VideoDevice> mem2mem;    ///< by number
    std::vector<std::string> others;     ///< video devices that are not mem2mem
    std::vector<Unreadable> unreadable;  ///< without permission, busy
};

/// EBUSY in words, with what to do. A mem2mem device has queues for each who opens it; but a driver
/// may take one at a time, and V4L2_PRIORITY_RECORD keeps others out.
[[nodiscard]] Error busy_error(const std::string& path);

/// Opens a video device for one who wants to use it as mem2mem.
/// Fails with one clear line when it is not there, busy, not to be opened by this user, no video
/// device or not mem2mem.
[[nodiscard]] Result<UniqueFd> open_mem2mem(const std::string& path);

/// Describes one device. Errors as open_mem2mem().
[[nodiscard]] Result<VideoDevice> describe_video(const std::string& path);

/// All video devices of this machine. A machine without any is no error.
[[nodiscard]] VideoDevices list_video();

/// The media device of the same hardware as a video device. @return empty when there is none
/// @param path "/dev/video2"
[[nodiscard]] std::string media_of(const std::string& path);

/// "VP8F" for a fourcc, with what cannot be printed as dots.
[[nodiscard]] std::string fourcc_text(std::uint32_t fourcc);

}  // namespace relfence::devices
