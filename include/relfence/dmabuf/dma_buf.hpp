// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>

#include <relfence/base/error.hpp>
#include <relfence/sync/sync_file.hpp>

namespace relfence::dmabuf {

/// What somebody wants to do with a dma-buf: it decides which fences stand in the way.
/// Source: Documentation/driver-api/dma-buf.rst, "Implicit Fence Poll Support".
enum class Access {
    read,   ///< waits for those who write
    write,  ///< waits for those who write and those who read
};

/// DMA_BUF_IOCTL_EXPORT_SYNC_FILE: the fences that stand in the way now, the stub fence if none.
/// @param dma_buf borrowed
[[nodiscard]] Result<sync::SyncFile> export_sync_file(int dma_buf, Access access);

/// DMA_BUF_IOCTL_IMPORT_SYNC_FILE: puts a fence in the way of others.
/// @param access what the owner of the fence does with the buffer until it signals
[[nodiscard]] Result<void> import_sync_file(int dma_buf, const sync::SyncFile& fence,
                                            Access access);

/// poll(2) on the dma-buf, POLLIN to read and POLLOUT to write.
/// @return whether nothing stood in the way before @p timeout was over
[[nodiscard]] Result<bool> wait(int dma_buf, Access access, std::chrono::milliseconds timeout);

}  // namespace relfence::dmabuf
