// SPDX-License-Identifier: MIT
#include <cstdint>
#include <linux/dma-buf.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <relfence/dmabuf/dma_buf.hpp>

namespace relfence::dmabuf {
namespace {

std::uint32_t flags(Access access) {
    return access == Access::read ? DMA_BUF_SYNC_READ : DMA_BUF_SYNC_WRITE;
}

}  // namespace

Result<sync::SyncFile> export_sync_file(int dma_buf, Access access) {
    dma_buf_export_sync_file request{};
    request.flags = flags(access);
    request.fd = -1;
    if (::ioctl(dma_buf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &request) != 0)
        return fail_errno("DMA_BUF_IOCTL_EXPORT_SYNC_FILE", "dma-buf");
    return sync::SyncFile{UniqueFd{request.fd}};
}

Result<void> import_sync_file(int dma_buf, const sync::SyncFile& fence, Access access) {
    dma_buf_import_sync_file request{};
    request.flags = flags(access);
    request.fd = fence.fd();
    if (::ioctl(dma_buf, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &request) != 0)
        return fail_errno("DMA_BUF_IOCTL_IMPORT_SYNC_FILE", "dma-buf");
    return {};
}

Result<bool> wait(int dma_buf, Access access, std::chrono::milliseconds timeout) {
    pollfd waiting{dma_buf, static_cast<short>(access == Access::read ? POLLIN : POLLOUT), 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(timeout.count()));
    if (ready < 0) return fail_errno("poll", "dma-buf");
    return ready > 0;
}

}  // namespace relfence::dmabuf
