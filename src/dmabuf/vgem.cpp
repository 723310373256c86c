// SPDX-License-Identifier: MIT
#include "dmabuf/vgem.hpp"

#include <fcntl.h>
#include <memory>
#include <string_view>
#include <unistd.h>

#include <fmt/format.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

namespace relfence::dmabuf {
namespace {

/// The first DRM device of a driver.
Result<UniqueFd> open_drm(std::string_view driver) {
    constexpr int device_limit = 16;
    for (int i = 0; i < device_limit; ++i) {
        auto fd = open_fd(fmt::format("/dev/dri/card{}", i), O_RDWR);
        if (!fd) continue;
        const std::unique_ptr<drmVersion, decltype(&drmFreeVersion)> version{
            drmGetVersion(fd->get()), drmFreeVersion};
        if (version && driver == version->name) return fd;
    }
    return fail("is the driver of no DRM device", driver, "does the kernel have it?");
}

}  // namespace

Result<VgemBuffer> make_vgem_buffer(std::size_t length) {
    auto device = open_drm("vgem");
    if (!device) return tl::make_unexpected(device.error());
    constexpr std::uint32_t bits_per_pixel = 8;
    std::uint32_t handle = 0;
    std::uint32_t pitch = 0;
    std::uint64_t size = 0;
    const auto width = static_cast<std::uint32_t>(::sysconf(_SC_PAGESIZE));
    const auto height = static_cast<std::uint32_t>((length + width - 1) / width);
    if (const int code = drmModeCreateDumbBuffer(device->get(), width, height, bits_per_pixel, 0,
                                                 &handle, &pitch, &size);
        code != 0)
        return fail_errno("DRM_IOCTL_MODE_CREATE_DUMB", "vgem", -code);
    return VgemBuffer{std::move(*device), handle};
}

Result<UniqueFd> export_vgem_buffer(const VgemBuffer& buffer) {
    int fd = -1;
    if (drmPrimeHandleToFD(buffer.device.get(), buffer.handle, DRM_CLOEXEC | DRM_RDWR, &fd) != 0)
        return fail_errno("DRM_IOCTL_PRIME_HANDLE_TO_FD", "vgem");
    return UniqueFd{fd};
}

}  // namespace relfence::dmabuf
