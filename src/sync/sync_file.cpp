// SPDX-License-Identifier: MIT
#include <linux/sync_file.h>
#include <poll.h>
#include <string_view>
#include <sys/ioctl.h>

#include <relfence/sync/sync_file.hpp>

namespace relfence::sync {
namespace {

/// The text in a field that the kernel need not have terminated.
template <std::size_t size>
std::string text(const char (&field)[size]) {
    const std::string_view all{field, size};
    return std::string{all.substr(0, all.find('\0'))};
}

}  // namespace

Result<std::vector<Fence>> SyncFile::fences() const {
    // The first call tells how many there are. A sync_file never changes, so the second fits.
    sync_file_info info{};
    if (::ioctl(fd(), SYNC_IOC_FILE_INFO, &info) != 0)
        return fail_errno("SYNC_IOC_FILE_INFO", "sync_file");
    std::vector<sync_fence_info> raw(info.num_fences);
    info = {};
    info.num_fences = static_cast<std::uint32_t>(raw.size());
    info.sync_fence_info = reinterpret_cast<std::uintptr_t>(raw.data());
    if (::ioctl(fd(), SYNC_IOC_FILE_INFO, &info) != 0)
        return fail_errno("SYNC_IOC_FILE_INFO", "sync_file");
    std::vector<Fence> fences;
    for (const sync_fence_info& fence : raw)
        fences.push_back(
            {text(fence.driver_name), text(fence.obj_name), fence.status, fence.timestamp_ns});
    return fences;
}

Result<bool> SyncFile::wait(std::chrono::milliseconds timeout) const {
    pollfd waiting{fd(), POLLIN, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(timeout.count()));
    if (ready < 0) return fail_errno("poll", "sync_file");
    return ready > 0;
}

bool is_stub(const std::vector<Fence>& fences) {
    if (fences.size() != 1) return false;
    const Fence& fence = fences.front();
    // Linux 7.x takes the names from a fence that has signalled, and the stub has. A real one is
    // not exported any more by then, or tells of an error.
    return fence.driver == "stub" || (fence.driver == "detached-driver" && fence.status == 1);
}

}  // namespace relfence::sync
