// SPDX-License-Identifier: MIT
#include "jobs/memory.hpp"

#include <vector>

#include <relfence/dmabuf/allocate.hpp>
#include <relfence/dmabuf/dma_buf.hpp>
#include <relfence/dmabuf/pending_fence.hpp>

namespace relfence::jobs {
namespace {

Result<UniqueFd> allocate(Memory::Source source, std::size_t size) {
    switch (source) {
        case Memory::Source::heap:
            return dmabuf::allocate_heap("system", size);
        case Memory::Source::vgem:
            return dmabuf::allocate_vgem(size);
        default:
            return dmabuf::allocate_udmabuf(size);
    }
}

}  // namespace

Result<void> leave_fence(int dma_buf) {
    const auto fence = dmabuf::PendingFence::create();
    if (!fence) return tl::make_unexpected(fence.error());
    if (auto ok = dmabuf::import_sync_file(dma_buf, fence->file(), dmabuf::Access::write); !ok)
        return ok;
    return fence->signal();
}

Result<v4l2::Stream> make_capture(int fd, v4l2_buf_type type, unsigned count, const Memory& memory,
                                  std::size_t size) {
    if (memory.source == Memory::Source::exported) return v4l2::Stream::create(fd, type, count);
    std::vector<UniqueFd> buffers;
    for (unsigned i = 0; i < count; ++i) {
        auto buffer = allocate(memory.source, size);
        if (!buffer) return tl::make_unexpected(buffer.error());
        if (memory.used_before)
            if (auto ok = leave_fence(buffer->get()); !ok) return tl::make_unexpected(ok.error());
        buffers.push_back(std::move(*buffer));
    }
    return v4l2::Stream::import(fd, type, std::move(buffers), size);
}

}  // namespace relfence::jobs
