// SPDX-License-Identifier: MIT
#include <cstdint>
#include <fcntl.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <memory>
#include <string>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fmt/format.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include <relfence/dmabuf/allocate.hpp>

namespace relfence::dmabuf {
namespace {

std::size_t whole_pages(std::size_t length) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return (length + page - 1) / page * page;
}

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

Result<UniqueFd> allocate_udmabuf(std::size_t length) {
    const UniqueFd memory{::memfd_create("relfence", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    if (!memory.valid()) return fail_errno("memfd_create", "udmabuf");
    if (::ftruncate(memory.get(), static_cast<off_t>(whole_pages(length))) != 0)
        return fail_errno("ftruncate", "udmabuf");
    // udmabuf insists: pages that could be cut off later are no buffer.
    if (::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK) != 0)
        return fail_errno("F_ADD_SEALS", "udmabuf");
    auto device = open_fd("/dev/udmabuf", O_RDWR);
    if (!device) return device;
    udmabuf_create request{};
    request.memfd = static_cast<std::uint32_t>(memory.get());
    request.flags = UDMABUF_FLAGS_CLOEXEC;
    request.size = whole_pages(length);
    const int fd = ::ioctl(device->get(), UDMABUF_CREATE, &request);
    if (fd < 0) return fail_errno("UDMABUF_CREATE", "/dev/udmabuf");
    return UniqueFd{fd};
}

Result<UniqueFd> allocate_heap(std::string_view heap, std::size_t length) {
    const std::string path = fmt::format("/dev/dma_heap/{}", heap);
    auto device = open_fd(path, O_RDWR);
    if (!device) return device;
    dma_heap_allocation_data request{};
    request.len = whole_pages(length);
    request.fd_flags = O_RDWR | O_CLOEXEC;
    if (::ioctl(device->get(), DMA_HEAP_IOCTL_ALLOC, &request) != 0)
        return fail_errno("DMA_HEAP_IOCTL_ALLOC", path);
    return UniqueFd{static_cast<int>(request.fd)};
}

Result<UniqueFd> allocate_vgem(std::size_t length) {
    auto device = open_drm("vgem");
    if (!device) return device;
    constexpr std::uint32_t bits_per_pixel = 8;
    std::uint32_t handle = 0;
    std::uint32_t pitch = 0;
    std::uint64_t size = 0;
    const auto width = static_cast<std::uint32_t>(::sysconf(_SC_PAGESIZE));
    const auto height = static_cast<std::uint32_t>(whole_pages(length) / width);
    if (const int code = drmModeCreateDumbBuffer(device->get(), width, height, bits_per_pixel, 0,
                                                 &handle, &pitch, &size);
        code != 0)
        return fail_errno("DRM_IOCTL_MODE_CREATE_DUMB", "vgem", -code);
    int fd = -1;
    // The buffer lives on in the dma-buf when the device's handle goes with the device.
    if (drmPrimeHandleToFD(device->get(), handle, DRM_CLOEXEC | DRM_RDWR, &fd) != 0)
        return fail_errno("DRM_IOCTL_PRIME_HANDLE_TO_FD", "vgem");
    return UniqueFd{fd};
}

}  // namespace relfence::dmabuf
