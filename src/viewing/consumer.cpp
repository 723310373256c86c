// SPDX-License-Identifier: MIT
#include "viewing/consumer.hpp"

#include <relfence/dmabuf/dma_buf.hpp>

namespace relfence::viewing {
std::string_view name(Wait wait) {
    switch (wait) {
        case Wait::poll:
            return "poll";
        case Wait::sync_file:
            return "sync_file";
        case Wait::nothing:
            return "nothing";
    }
    return "";
}

Result<Claim> Claim::take(int dma_buf, Wait wait) {
    Claim claim;
    claim.dma_buf_ = dma_buf;
    if (wait == Wait::nothing) return claim;
    if (wait == Wait::sync_file) {
        auto fence = dmabuf::export_sync_file(dma_buf, dmabuf::Access::read);
        if (!fence) return tl::make_unexpected(fence.error());
        claim.fence_ = std::move(*fence);
    }
    const auto ready = claim.ready(std::chrono::milliseconds{0});
    if (!ready) return tl::make_unexpected(ready.error());
    claim.had_fence_ = !*ready;
    return claim;
}

Result<bool> Claim::ready(std::chrono::milliseconds timeout) const {
    return fence_ ? fence_->wait(timeout) : dmabuf::wait(dma_buf_, dmabuf::Access::read, timeout);
}

Result<void> Claim::await(std::chrono::milliseconds timeout) const {
    if (!had_fence_) return {};
    const auto over = ready(timeout);
    if (!over) return tl::make_unexpected(over.error());
    if (!*over) return fail_errno("wait for", fence_ ? "sync_file" : "dma-buf", ETIMEDOUT);
    return {};
}

}  // namespace relfence::viewing
