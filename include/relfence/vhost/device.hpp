// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include <relfence/vhost/chain.hpp>
#include <relfence/vhost/guest_memory.hpp>

namespace relfence::vhost {

/// Whether a completion tells the guest.
enum class Notify : std::uint8_t {
    call,   ///< interrupts it, unless its ring asks for none
    quiet,  ///< not now: for a guest that polls, or when Port::call() follows
};

/// A device's way back to its guest. Implemented by Endpoint, which outlives what it serves.
/// Endpoint's thread only.
class Port {
  public:
    virtual ~Port() = default;
    /// Gives a chain back. @param written bytes of answer, at most chain.writable_size(). Nothing
    /// happens when the queue was set up anew or the guest went since the chain came.
    /// Returns at once: it does not wait until the guest took the interrupt.
    virtual void complete(Chain chain, std::size_t written, Notify notify = Notify::call) = 0;
    /// Interrupts the guest for what was completed quietly before.
    virtual void call(std::size_t queue) = 0;
    /// The guest's memory; empty before it handed one over. Keeps its mappings as long as it is
    /// held, so a job in another thread holds it while it runs.
    [[nodiscard]] virtual std::shared_ptr<const GuestMemory> memory() const = 0;
};

/// A virtio device as the transport sees it. Everything is called in the endpoint's thread and
/// returns at once.
class Device {
  public:
    virtual ~Device() = default;
    /// For errors: "gpio".
    [[nodiscard]] virtual std::string_view name() const = 0;
    /// Feature bits of the device type. The transport adds VIRTIO_F_VERSION_1; of the ring features
    /// it knows VIRTIO_RING_F_INDIRECT_DESC only.
    [[nodiscard]] virtual std::uint64_t features() const { return 0; }
    [[nodiscard]] virtual std::size_t queues() const = 0;
    /// The configuration space, read-only for the guest; at most 256 bytes.
    [[nodiscard]] virtual std::span<const std::byte> config() const { return {}; }
    /// A guest is there. @param port valid until disconnected() and later; chains come through it
    virtual void connected(Port& port) = 0;
    /// A request came on chain.queue(): complete it through the port, now or later.
    virtual void on_chain(Chain chain) = 0;
    /// The queue begins anew: chains that were kept of it have no meaning any more, drop them.
    virtual void queue_reset(std::size_t queue) = 0;
    /// The guest went. Drop all chains and everything of its memory; the next guest may come.
    virtual void disconnected() = 0;
};

}  // namespace relfence::vhost
