// SPDX-License-Identifier: MIT
#include <cstdint>
#include <fcntl.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fmt/format.h>

#include <relfence/dmabuf/allocate.hpp>

#include "dmabuf/vgem.hpp"

namespace relfence::dmabuf {
namespace {

std::size_t whole_pages(std::size_t length) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return (length + page - 1) / page * page;
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
    const auto buffer = make_vgem_buffer(length);
    if (!buffer) return tl::make_unexpected(buffer.error());
    return export_vgem_buffer(*buffer);
}

}  // namespace relfence::dmabuf
