// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdint>
#include <fcntl.h>
#include <linux/ioctl.h>
#include <sys/ioctl.h>

#include <relfence/sync/sw_sync.hpp>

namespace relfence::sync {
namespace {

// The ABI is in drivers/dma-buf/sw_sync.c alone: no header of the kernel's exports it.
struct CreateFence {
    std::uint32_t value;
    char name[32];
    std::int32_t fence;
};
constexpr unsigned long create_fence = _IOWR('W', 0, CreateFence);
constexpr unsigned long increment = _IOW('W', 1, std::uint32_t);
constexpr const char* path = "/sys/kernel/debug/sync/sw_sync";

}  // namespace

Result<SwSync> SwSync::open() {
    auto fd = open_fd(path, O_RDWR);
    if (!fd) return tl::make_unexpected(fd.error());
    return SwSync{std::move(*fd)};
}

Result<SyncFile> SwSync::fence_at(unsigned point, std::string_view name) const {
    CreateFence request{};
    request.value = point;
    std::copy_n(name.data(), std::min(name.size(), sizeof request.name - 1), request.name);
    if (::ioctl(fd_.get(), create_fence, &request) != 0)
        return fail_errno("SW_SYNC_IOC_CREATE_FENCE", path);
    return SyncFile{UniqueFd{request.fence}};
}

Result<void> SwSync::advance(unsigned points) const {
    std::uint32_t by = points;
    if (::ioctl(fd_.get(), increment, &by) != 0) return fail_errno("SW_SYNC_IOC_INC", path);
    return {};
}

}  // namespace relfence::sync
