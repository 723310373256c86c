// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include <relfence/base/error.hpp>
#include <relfence/base/unique_fd.hpp>
#include <relfence/sync/sync_file.hpp>

namespace relfence::sync {

/// A timeline of the kernel's sw_sync, for fences that signal when a test says so. Its fences that
/// are still active when it is closed signal with -ENOENT. Move-only; not thread-safe.
/// Source: drivers/dma-buf/sw_sync.c. Needs CONFIG_SW_SYNC and debugfs.
class SwSync {
  public:
    [[nodiscard]] static Result<SwSync> open();
    /// A fence that signals when the timeline gets to @p point. It starts at 0.
    [[nodiscard]] Result<SyncFile> fence_at(unsigned point, std::string_view name) const;
    /// Moves the timeline on.
    [[nodiscard]] Result<void> advance(unsigned points) const;

  private:
    explicit SwSync(UniqueFd fd) : fd_{std::move(fd)} {}
    UniqueFd fd_;
};

}  // namespace relfence::sync
