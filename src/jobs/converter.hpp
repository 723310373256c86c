// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>

#include "jobs/memory.hpp"
#include "jobs/queue_pair.hpp"

namespace relfence::jobs {

/// What a device with raw pictures on its OUTPUT queue shall make of them.
struct Conversion {
    v4l2_buf_type output = V4L2_BUF_TYPE_VIDEO_OUTPUT;
    v4l2_buf_type capture = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    std::uint32_t from = 0;  ///< V4L2_PIX_FMT_*, of one plane
    std::uint32_t to = 0;    ///< raw of a scaler, coded of an encoder
    unsigned width = 0;      ///< of both, in pixels
    unsigned height = 0;
    bool encode = false;  ///< an encoder wants to know the coded format first
};

/// Makes a scaler, a colour converter or an encoder do jobs, each from another picture.
/// @param video a mem2mem device @param name of it, for errors @param depth jobs that may be queued
/// Fails when the driver does not take the sizes and formats as they are.
[[nodiscard]] Result<std::unique_ptr<QueuePair>> open_converter(UniqueFd video, std::string name,
                                                                const Conversion& conversion,
                                                                unsigned depth,
                                                                const Memory& memory);

}  // namespace relfence::jobs
