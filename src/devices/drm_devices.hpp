// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "devices/video_devices.hpp"

namespace relfence::devices {

/// A DRM device: a GPU, a display controller, or both.
struct DrmDevice {
    std::string path;         ///< "/dev/dri/card0"
    std::string render;       ///< "/dev/dri/renderD128"; empty when it has none
    std::string driver;       ///< drmVersion.name
    std::string description;  ///< drmVersion.desc
    bool display = false;     ///< has connectors: it shows pictures
    bool prime_import = false;
    bool prime_export = false;
};

struct DrmDevices {
    std::vector<DrmDevice> devices;
    std::vector<Unreadable> unreadable;
};

/// All DRM devices of this machine. Source: xf86drm.h, drmGetVersion() and DRM_CAP_PRIME.
[[nodiscard]] DrmDevices list_drm();

}  // namespace relfence::devices
