// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/base/unique_fd.hpp>

namespace relfence::sync {

/// What the kernel tells about one fence of a sync_file. Source: struct sync_fence_info.
struct Fence {
    std::string driver;              ///< whose it is: "vicodec"; "stub" stands for no fence at all
    std::string timeline;            ///< the ordering domain within the driver: "vb2-cap-12"
    int status = 0;                  ///< 0 active, 1 signalled, a negative errno for an error
    std::uint64_t timestamp_ns = 0;  ///< CLOCK_MONOTONIC of the signal; 0 while it is active

    [[nodiscard]] bool active() const { return status == 0; }
};

/// A set of fences as a file: a snapshot, which later fences do not join. Move-only; an instance
/// may be waited for from several threads.
/// Source: Documentation/driver-api/sync_file.rst, drivers/dma-buf/sync_file.c.
class SyncFile {
  public:
    /// Takes over a descriptor that the kernel gave.
    explicit SyncFile(UniqueFd fd) : fd_{std::move(fd)} {}

    [[nodiscard]] int fd() const { return fd_.get(); }
    /// SYNC_IOC_FILE_INFO: all the fences in it, at least one.
    [[nodiscard]] Result<std::vector<Fence>> fences() const;
    /// Whether all fences signalled, with an error or not, before @p timeout is over.
    [[nodiscard]] Result<bool> wait(std::chrono::milliseconds timeout) const;

  private:
    UniqueFd fd_;
};

/// Whether @p fences is what a dma-buf without a fence gives: the one fence of
/// dma_fence_get_stub(), which nobody produced and which always has signalled. On Linux 7.x a real
/// one that signalled before its names were read cannot be told from it.
[[nodiscard]] bool is_stub(const std::vector<Fence>& fences);

}  // namespace relfence::sync
