// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "devices/video_devices.hpp"
#include "jobs/memory.hpp"
#include "jobs/queue_pair.hpp"

namespace relfence::jobs {

/// Size of the pictures of a workload, in pixels.
struct PictureSize {
    unsigned width = 0;
    unsigned height = 0;
};
/// From the smallest that all known codecs take to those that keep fast hardware busy for long.
inline constexpr PictureSize picture_sizes[] = {{640, 368}, {1280, 736}, {1920, 1088}};

/// Work for a device: a format that it takes and that this program can make.
struct Workload {
    std::string device;  ///< "/dev/video2"
    std::string driver;
    devices::Role role = devices::Role::converter;
    std::string stream;      ///< "vp8", "fwht", "raw", and "raw-to-jpeg" of an encoder
    std::uint32_t from = 0;  ///< V4L2_PIX_FMT_* of what goes in
    std::uint32_t to = 0;    ///< of what comes out; 0: decided by the decoder
    v4l2_buf_type output = V4L2_BUF_TYPE_VIDEO_OUTPUT;
    v4l2_buf_type capture = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    std::string media;
};

/// What a device can be given to do, best known first. Empty when no stream for it can be made.
[[nodiscard]] std::vector<Workload> workloads_of(const devices::VideoDevice& device);

/// Brings the device to work, and leaves it idle.
///
/// All that is set belongs to the open file: closing it, which the end of the result does, gives
/// formats, buffers and controls back. Source:
/// Documentation/userspace-api/media/v4l/dev-mem2mem.rst.
/// @param depth jobs that may be queued
/// Fails as devices::open_mem2mem() and the driver do: with EBUSY when another program has it.
[[nodiscard]] Result<std::unique_ptr<QueuePair>> open_workload(const Workload& workload,
                                                               unsigned depth, const Memory& memory,
                                                               PictureSize size = picture_sizes[0]);

}  // namespace relfence::jobs
