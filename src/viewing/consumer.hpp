// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include <relfence/base/error.hpp>
#include <relfence/sync/sync_file.hpp>

namespace relfence::viewing {

/// How a consumer finds out when a dma-buf that it was handed may be read.
enum class Wait {
    poll,       ///< poll(POLLIN) on the dma-buf: what KWin and libwayland clients do
    sync_file,  ///< DMA_BUF_IOCTL_EXPORT_SYNC_FILE, then poll(POLLIN) on that: what Mutter does
    nothing,    ///< reads at once: the control that shows that waiting matters
};

[[nodiscard]] std::string_view name(Wait wait);

/// A consumer's view of one dma-buf, taken at hand-over.
///
/// What the consumer looks at later is what it got at hand-over: a sync_file is a snapshot of the
/// fences of that moment, poll() looks at the fences of the moment it is called.
class Claim {
  public:
    /// Looks at @p dma_buf, which must outlive the claim.
    [[nodiscard]] static Result<Claim> take(int dma_buf, Wait wait);

    /// Whether there was something to wait for at hand-over.
    [[nodiscard]] bool had_fence() const { return had_fence_; }
    /// Waits as the consumer does; at once when there is nothing to wait for.
    /// Fails with ETIMEDOUT when the fence does not signal.
    [[nodiscard]] Result<void> await(std::chrono::milliseconds timeout) const;

  private:
    [[nodiscard]] Result<bool> ready(std::chrono::milliseconds timeout) const;

    int dma_buf_ = -1;
    bool had_fence_ = false;
    std::optional<sync::SyncFile> fence_;  // of a consumer that waits for a sync_file
};

}  // namespace relfence::viewing
