// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <mutex>

#include <relfence/board/device_model.hpp>
#include <relfence/vhost/guest_memory.hpp>

namespace relfence::board {

/// The devices' way to the memory of the guest that is there; without one everything is refused.
/// Any thread.
class GuestDma final : public Dma {
  public:
    [[nodiscard]] Result<std::span<std::byte>> slice(std::uint64_t address,
                                                     std::uint64_t length) const override;
    /// Slices of the memory before are of no use from now on: nobody computes with them any more.
    void use(std::shared_ptr<const vhost::GuestMemory> memory);
    [[nodiscard]] bool uses(const std::shared_ptr<const vhost::GuestMemory>& memory) const;

  private:
    mutable std::mutex lock_;
    std::shared_ptr<const vhost::GuestMemory> memory_;
};

}  // namespace relfence::board
