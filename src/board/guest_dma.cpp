// SPDX-License-Identifier: MIT
#include "board/guest_dma.hpp"

#include <cerrno>

namespace relfence::board {

Result<std::span<std::byte>> GuestDma::slice(std::uint64_t address, std::uint64_t length) const {
    const std::lock_guard guard{lock_};
    if (!memory_) return fail_errno("reach", "memory of a guest that is not there", EFAULT);
    return memory_->slice(address, length);
}

void GuestDma::use(std::shared_ptr<const vhost::GuestMemory> memory) {
    const std::lock_guard guard{lock_};
    memory_ = std::move(memory);
}

bool GuestDma::uses(const std::shared_ptr<const vhost::GuestMemory>& memory) const {
    const std::lock_guard guard{lock_};
    return memory_ == memory;
}

}  // namespace relfence::board
