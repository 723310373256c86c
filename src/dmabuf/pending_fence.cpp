// SPDX-License-Identifier: MIT
#include <cstdint>
#include <utility>

#include <fmt/format.h>
#include <xf86drm.h>

#include <relfence/dmabuf/dma_buf.hpp>
#include <relfence/dmabuf/pending_fence.hpp>
#include <relfence/sync/sw_sync.hpp>

#include "dmabuf/vgem.hpp"

namespace relfence::dmabuf {
namespace {

// include/uapi/drm/vgem_drm.h of the kernel; libdrm does not have it, and linux-libc-dev need not
// be there.
struct AttachFence {
    std::uint32_t handle;
    std::uint32_t flags;
    std::uint32_t out_fence;
    std::uint32_t pad;
};
struct SignalFence {
    std::uint32_t fence;
    std::uint32_t flags;
};
constexpr std::uint32_t of_writer = 1;
constexpr unsigned long attach_fence = DRM_IOWR(DRM_COMMAND_BASE + 0x1, AttachFence);
constexpr unsigned long signal_fence = DRM_IOW(DRM_COMMAND_BASE + 0x2, SignalFence);

using Made = std::pair<std::unique_ptr<PendingFence::Maker>, sync::SyncFile>;

class BySwSync final : public PendingFence::Maker {
  public:
    explicit BySwSync(sync::SwSync timeline) : timeline_{std::move(timeline)} {}
    Result<void> signal() override { return timeline_.advance(1); }

  private:
    sync::SwSync timeline_;
};

class ByVgem final : public PendingFence::Maker {
  public:
    ByVgem(VgemBuffer buffer, std::uint32_t fence) : buffer_{std::move(buffer)}, fence_{fence} {}
    Result<void> signal() override {
        SignalFence request{};
        request.fence = fence_;
        if (drmIoctl(buffer_.device.get(), signal_fence, &request) != 0)
            return fail_errno("DRM_IOCTL_VGEM_FENCE_SIGNAL", "vgem");
        return {};
    }

  private:
    VgemBuffer buffer_;
    std::uint32_t fence_;
};

Result<Made> by_sw_sync() {
    auto timeline = sync::SwSync::open();
    if (!timeline) return tl::make_unexpected(timeline.error());
    auto file = timeline->fence_at(1, "reader");
    if (!file) return tl::make_unexpected(file.error());
    return Made{std::make_unique<BySwSync>(std::move(*timeline)), std::move(*file)};
}

Result<Made> by_vgem() {
    auto buffer = make_vgem_buffer(1);
    if (!buffer) return tl::make_unexpected(buffer.error());
    const auto exported = export_vgem_buffer(*buffer);
    if (!exported) return tl::make_unexpected(exported.error());
    AttachFence request{};
    request.handle = buffer->handle;
    request.flags = of_writer;
    if (drmIoctl(buffer->device.get(), attach_fence, &request) != 0)
        return fail_errno("DRM_IOCTL_VGEM_FENCE_ATTACH", "vgem");
    // The fence stands in the way of those who want to read the buffer: there it can be had.
    auto file = export_sync_file(exported->get(), Access::read);
    if (!file) return tl::make_unexpected(file.error());
    return Made{std::make_unique<ByVgem>(std::move(*buffer), request.out_fence), std::move(*file)};
}

}  // namespace

Result<PendingFence> PendingFence::create() {
    auto made = by_sw_sync();
    if (!made) {
        auto other = by_vgem();
        if (!other)
            return fail(fmt::format("no fence of one's own ({}; {})", made.error().message(),
                                    other.error().message()),
                        "sw_sync and vgem", "run as root with debugfs, or load vgem");
        made = std::move(other);
    }
    return PendingFence{std::move(made->first), std::move(made->second)};
}

PendingFence::PendingFence(std::unique_ptr<Maker> maker, sync::SyncFile file)
    : maker_{std::move(maker)}, file_{std::move(file)} {}
PendingFence::PendingFence(PendingFence&&) noexcept = default;
PendingFence& PendingFence::operator=(PendingFence&&) noexcept = default;
PendingFence::~PendingFence() = default;

Result<void> PendingFence::signal() const {
    return maker_->signal();
}

}  // namespace relfence::dmabuf
