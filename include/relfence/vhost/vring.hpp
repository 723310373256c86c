// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/vhost/chain.hpp>
#include <relfence/vhost/guest_memory.hpp>

namespace relfence::vhost {

/// How the guest set a queue up, in the front end's own addresses.
struct VringSetup {
    std::size_t queue = 0;   ///< its index, for errors and chains
    std::uint32_t size = 0;  ///< descriptors
    std::uint16_t base = 0;  ///< first entry of the available ring that is not taken yet
    std::uint64_t descriptors = 0;
    std::uint64_t available = 0;
    std::uint64_t used = 0;
    bool indirect = false;     ///< VIRTIO_RING_F_INDIRECT_DESC was accepted
    std::uint64_t number = 0;  ///< goes into Chain::Origin::ring
};

/// A split virtqueue in the guest's memory (virtio 1.2, section 2.7), the device's side.
///
/// Nothing that the guest put there is trusted: each value is read once, checked, and a chain that
/// breaks a rule is refused with an error that names the descriptor. After an error the ring is of
/// no use any more. Keeps the memory mapped. Not thread-safe; the guest runs beside it.
class Vring {
  public:
    /// Entries of the largest queue that is accepted.
    static constexpr std::uint32_t size_limit = 1024;

    /// @return an error when the size is no power of two up to size_limit, or a part of the ring is
    ///         outside the memory or not aligned
    [[nodiscard]] static Result<Vring> create(const VringSetup& setup,
                                              std::shared_ptr<const GuestMemory> memory);

    /// Entries that the guest made available and that pop() did not return yet.
    /// @return an error when there are more than the ring has
    [[nodiscard]] Result<std::uint16_t> waiting() const;
    /// The next chain. Call it only when waiting() says that there is one.
    [[nodiscard]] Result<Chain> pop();
    /// Returns a chain's descriptors to the guest; in_flight(@p head) holds.
    /// @param written bytes of answer
    void push(std::uint16_t head, std::uint32_t written);
    /// Whether the guest wants an interrupt for what was pushed.
    [[nodiscard]] bool wants_call() const;
    /// Asks the guest to tell of what it makes available, or not to: that is for who looks by
    /// itself. What came just before a wish for kicks has none: look once more after it.
    void want_kicks(bool wanted);
    /// Index of the next available entry, for VHOST_USER_GET_VRING_BASE.
    [[nodiscard]] std::uint16_t next() const { return next_; }
    [[nodiscard]] std::uint64_t number() const { return setup_.number; }
    /// Whether a chain with this head was popped and not pushed yet.
    [[nodiscard]] bool in_flight(std::uint16_t head) const {
        return head < in_flight_.size() && in_flight_[head];
    }

  private:
    Vring() = default;

    VringSetup setup_;
    std::shared_ptr<const GuestMemory> memory_;
    std::span<std::byte> descriptors_;
    std::span<std::byte> available_;
    std::span<std::byte> used_;
    std::uint16_t next_ = 0;
    std::uint16_t used_index_ = 0;
    std::vector<bool> in_flight_;
};

}  // namespace relfence::vhost
