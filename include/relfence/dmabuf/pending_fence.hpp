// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include <relfence/base/error.hpp>
#include <relfence/sync/sync_file.hpp>

namespace relfence::dmabuf {

/// A fence that is somebody else's, and signals when we say so: what a GPU that still reads a frame
/// leaves in its dma-buf. Signals at the latest when it goes. Movable; not thread-safe.
///
/// Made by sw_sync (needs debugfs, so most often root) or by vgem (needs a DRM device that the user
/// may open; its fences signal by themselves after ten seconds).
/// Source: drivers/dma-buf/sw_sync.c, drivers/gpu/drm/vgem/vgem_fence.c.
class PendingFence {
  public:
    /// Fails when this user has neither sw_sync nor vgem.
    [[nodiscard]] static Result<PendingFence> create();
    PendingFence(PendingFence&&) noexcept;
    PendingFence& operator=(PendingFence&&) noexcept;
    ~PendingFence();

    [[nodiscard]] const sync::SyncFile& file() const { return file_; }
    [[nodiscard]] Result<void> signal() const;

    /// Who makes fences. Internal.
    class Maker {
      public:
        Maker() = default;
        Maker(const Maker&) = delete;
        Maker& operator=(const Maker&) = delete;
        virtual ~Maker() = default;
        virtual Result<void> signal() = 0;
    };

  private:
    PendingFence(std::unique_ptr<Maker> maker, sync::SyncFile file);
    std::unique_ptr<Maker> maker_;
    sync::SyncFile file_;
};

}  // namespace relfence::dmabuf
