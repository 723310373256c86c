// SPDX-License-Identifier: MIT
#include "viewing/consumer.hpp"

#include <linux/dma-buf.h>
#include <poll.h>
#include <sys/ioctl.h>

namespace relfence::viewing {
namespace {

Result<bool> readable(int fd, std::chrono::milliseconds timeout, std::string_view what) {
    pollfd waiting{fd, POLLIN, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(timeout.count()));
    if (ready < 0) return fail_errno("poll", what);
    return ready > 0;
}

}  // namespace

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
    claim.wait_ = wait;
    if (wait == Wait::nothing) return claim;
    int looked_at = dma_buf;
    if (wait == Wait::sync_file) {
        dma_buf_export_sync_file request{};
        request.flags = DMA_BUF_SYNC_READ;
        request.fd = -1;
        if (::ioctl(dma_buf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &request) != 0)
            return fail_errno("DMA_BUF_IOCTL_EXPORT_SYNC_FILE", "dma-buf");
        claim.fence_.reset(request.fd);
        looked_at = claim.fence_.get();
    }
    const auto ready = readable(looked_at, std::chrono::milliseconds{0}, name(wait));
    if (!ready) return tl::make_unexpected(ready.error());
    claim.had_fence_ = !*ready;
    return claim;
}

Result<void> Claim::await(std::chrono::milliseconds timeout) const {
    if (!had_fence_) return {};
    const auto ready =
        readable(wait_ == Wait::sync_file ? fence_.get() : dma_buf_, timeout, name(wait_));
    if (!ready) return tl::make_unexpected(ready.error());
    if (!*ready) return fail_errno("wait for", name(wait_), ETIMEDOUT);
    return {};
}

}  // namespace relfence::viewing
