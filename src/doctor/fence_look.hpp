// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "devices/video_devices.hpp"

namespace relfence::doctor {

/// Lets a device do a few jobs and looks at its dma-bufs while it does. A look, no check: that is
/// what relfence check is for. The device is as before afterwards.
/// @return in words: "fence of vicodec, signals", "no fence", or why nothing was seen
[[nodiscard]] std::string look_for_fence(const devices::VideoDevice& device);

}  // namespace relfence::doctor
