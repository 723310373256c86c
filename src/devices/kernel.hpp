// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

namespace relfence::devices {

/// The running kernel, as far as it matters to fences.
struct Kernel {
    std::string release;  ///< "6.12.41"
    std::string version;  ///< "#1 SMP ..."
    std::string machine;  ///< "aarch64"
    /// DMA_BUF_IOCTL_EXPORT_SYNC_FILE and _IMPORT_SYNC_FILE are there (Linux 6.0). Nothing when it
    /// cannot be told, since this user gets no dma-buf from anywhere.
    std::optional<bool> sync_file_ioctls;
    std::string tried_on;  ///< where the dma-buf for that came from: "udmabuf"
};

/// Asks the kernel. Makes a dma-buf of one page to try the ioctls on, and drops it.
[[nodiscard]] Kernel describe_kernel();

}  // namespace relfence::devices
