// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>

#include <relfence/base/error.hpp>

#include "devices/video_devices.hpp"
#include "players/clip.hpp"
#include "viewing/producer.hpp"

namespace relfence::bench {

/// A device at work on frames that come again and again.
struct AtWork {
    std::string job;                      ///< "decode VP8 640x368"
    std::unique_ptr<players::Clip> clip;  ///< at a fixed address: the source refers to it
    std::unique_ptr<viewing::JobSource> source;
};

/// Opens a mem2mem device and brings it to work.
/// @param depth CAPTURE buffers @param frames how many there are before they begin again
/// Fails when the device does not do anything that is known here, is busy or cannot be opened.
[[nodiscard]] Result<AtWork> open_work(const devices::VideoDevice& device, unsigned depth,
                                       unsigned frames);

}  // namespace relfence::bench
