// SPDX-License-Identifier: MIT
#include "devices/drm_devices.hpp"

#include <algorithm>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <memory>

#include <xf86drm.h>
#include <xf86drmMode.h>

namespace relfence::devices {
namespace {

DrmDevice describe_drm(int fd, const std::string& path) {
    DrmDevice device;
    device.path = path;
    const std::unique_ptr<drmVersion, decltype(&drmFreeVersion)> version{drmGetVersion(fd),
                                                                         drmFreeVersion};
    if (version) {
        device.driver = version->name;
        device.description = version->desc;
    }
    if (char* const render = drmGetRenderDeviceNameFromFd(fd)) {
        device.render = render;
        std::free(render);
    }
    std::uint64_t prime = 0;
    if (drmGetCap(fd, DRM_CAP_PRIME, &prime) == 0) {
        device.prime_import = (prime & DRM_PRIME_CAP_IMPORT) != 0;
        device.prime_export = (prime & DRM_PRIME_CAP_EXPORT) != 0;
    }
    const std::unique_ptr<drmModeRes, decltype(&drmModeFreeResources)> resources{
        drmModeGetResources(fd), drmModeFreeResources};
    device.display = resources && resources->count_connectors > 0;
    return device;
}

}  // namespace

DrmDevices list_drm() {
    std::vector<std::string> paths;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator{"/dev/dri", error})
        if (entry.path().filename().string().starts_with("card")) paths.push_back(entry.path());
    std::ranges::sort(paths);
    DrmDevices all;
    for (const std::string& path : paths) {
        const auto fd = open_fd(path, O_RDWR);
        if (fd)
            all.devices.push_back(describe_drm(fd->get(), path));
        else
            all.unreadable.push_back({path, fd.error()});
    }
    return all;
}

}  // namespace relfence::devices
