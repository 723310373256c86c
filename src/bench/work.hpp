// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>

#include <relfence/base/error.hpp>

#include "devices/video_devices.hpp"
#include "jobs/queue_pair.hpp"

namespace relfence::bench {

/// A device at work.
struct AtWork {
    std::string job;  ///< "vp8 640x368"
    std::unique_ptr<jobs::QueuePair> source;
};

/// Opens a mem2mem device and brings it to the work that is known best of those that it can do.
/// @param depth CAPTURE buffers
/// Fails when no stream for it can be made here, when it is busy or cannot be opened.
[[nodiscard]] Result<AtWork> open_work(const devices::VideoDevice& device, unsigned depth);

}  // namespace relfence::bench
