// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <relfence/vhost/guest_memory.hpp>

namespace relfence::vhost {

/// One request of the guest: what it wrote for the device and where it wants the answer.
///
/// Every span was checked against the guest's memory, and keeps it mapped; a device may keep a
/// chain and complete it later. The guest may change the bytes meanwhile: copy a value out once
/// (read()), then check the copy. Moved, not copied. Not thread-safe.
class Chain {
  public:
    /// Where it came from, so that its completion finds the way back.
    struct Origin {
        std::size_t queue = 0;
        std::uint16_t head = 0;
        std::uint64_t ring = 0;  ///< which setup of the queue: a later one has another number
    };

    /// @param readable in order, none empty @param writable the same
    /// @param memory what the spans point into; nullptr when the caller owns the bytes (tests)
    Chain(Origin origin, std::vector<std::span<const std::byte>> readable,
          std::vector<std::span<std::byte>> writable,
          std::shared_ptr<const GuestMemory> memory = nullptr);
    Chain(Chain&&) noexcept = default;
    Chain& operator=(Chain&&) noexcept = default;
    Chain(const Chain&) = delete;
    Chain& operator=(const Chain&) = delete;
    ~Chain() = default;

    [[nodiscard]] const Origin& origin() const { return origin_; }
    [[nodiscard]] std::size_t queue() const { return origin_.queue; }
    [[nodiscard]] std::size_t readable_size() const { return readable_size_; }
    [[nodiscard]] std::size_t writable_size() const { return writable_size_; }
    /// Copies what the guest wrote, from @p offset on. @return bytes copied, fewer than asked for
    /// when the chain is shorter
    std::size_t read(std::span<std::byte> out, std::size_t offset = 0) const;
    /// Copies an answer to the guest. @return bytes copied, fewer than given when there is no room
    std::size_t write(std::span<const std::byte> in, std::size_t offset = 0);

  private:
    Origin origin_;
    std::vector<std::span<const std::byte>> readable_;
    std::vector<std::span<std::byte>> writable_;
    std::size_t readable_size_ = 0;
    std::size_t writable_size_ = 0;
    std::shared_ptr<const GuestMemory> memory_;
};

}  // namespace relfence::vhost
