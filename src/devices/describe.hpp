// SPDX-License-Identifier: MIT
// What was found, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "devices/drm_devices.hpp"
#include "devices/kernel.hpp"
#include "devices/video_devices.hpp"

namespace relfence::devices {

/// Everything that `relfence list` shows.
struct Inventory {
    Kernel kernel;
    VideoDevices video;
    DrmDevices drm;
};
[[nodiscard]] Inventory take_inventory();

/// Buffer modes of a queue: "mmap", "dmabuf", "userptr", "requests", "hold-capture".
[[nodiscard]] std::vector<std::string> modes_of(const VideoQueue& queue);

/// Keys: kernel, video, other_video, drm, unreadable.
[[nodiscard]] nlohmann::json to_json(const Inventory& inventory);
/// Some lines for each device, the last one ended.
[[nodiscard]] std::string to_text(const Inventory& inventory);

}  // namespace relfence::devices
