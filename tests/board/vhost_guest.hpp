// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include <relfence/vhost/guest_memory.hpp>
#include <relfence/vhost/vring.hpp>

namespace relfence::vhost {

constexpr std::uint16_t desc_next = 1;
constexpr std::uint16_t desc_write = 2;
constexpr std::uint16_t desc_indirect = 4;

/// A driver's side of a split virtqueue, written into memory byte by byte, so that a test can write
/// what no driver would. Descriptors at the start, then the available ring, then the used ring;
/// data where the test likes it from data_at on.
class GuestRing {
  public:
    static constexpr std::size_t available_at = 0x1000;
    static constexpr std::size_t used_at = 0x2000;
    static constexpr std::size_t data_at = 0x4000;
    static constexpr std::size_t bytes_needed = 0x8000;

    /// @param memory at least bytes_needed, page aligned @param address where the guest sees it
    GuestRing(std::span<std::byte> memory, std::uint64_t address, std::uint32_t size)
        : memory_{memory}, address_{address}, size_{size} {}

    [[nodiscard]] VringSetup setup() const {
        VringSetup setup;
        setup.size = size_;
        setup.descriptors = address_;
        setup.available = address_ + available_at;
        setup.used = address_ + used_at;
        setup.number = 1;
        return setup;
    }
    [[nodiscard]] std::uint64_t data(std::size_t offset = 0) const {
        return address_ + data_at + offset;
    }
    [[nodiscard]] std::span<std::byte> bytes(std::uint64_t address, std::size_t length) const {
        return memory_.subspan(address - address_, length);
    }
    void descriptor(std::size_t index, std::uint64_t address, std::uint32_t length,
                    std::uint16_t flags = 0, std::uint16_t next = 0) {
        write_descriptor(index * 16, address, length, flags, next);
    }
    /// The same at any place of the memory, for indirect tables.
    void write_descriptor(std::size_t at, std::uint64_t address, std::uint32_t length,
                          std::uint16_t flags = 0, std::uint16_t next = 0) {
        put(at, address);
        put(at + 8, length);
        put(at + 12, flags);
        put(at + 14, next);
    }
    void make_available(std::uint16_t head) {
        put(available_at + 4 + 2UL * (available_ & (size_ - 1)), head);
        set_available_index(static_cast<std::uint16_t>(available_ + 1));
    }
    void set_available_index(std::uint16_t index) {
        available_ = index;
        ref16(available_at + 2).store(index, std::memory_order_seq_cst);
    }
    void want_no_call(bool none) { ref16(available_at).store(none ? 1 : 0); }
    /// The device does not want to be told what is made available.
    [[nodiscard]] bool no_kicks() const {
        return (ref16(used_at).load(std::memory_order_seq_cst) & 1) != 0;
    }
    [[nodiscard]] std::uint16_t used_index() const {
        return ref16(used_at + 2).load(std::memory_order_seq_cst);
    }
    struct Used {
        std::uint32_t id, length;
    };
    [[nodiscard]] Used used(std::uint16_t index) const {
        Used element{};
        std::memcpy(&element, memory_.data() + used_at + 4 + 8UL * (index & (size_ - 1)),
                    sizeof element);
        return element;
    }

  private:
    template <typename T>
    void put(std::size_t at, T value) {
        std::memcpy(memory_.data() + at, &value, sizeof value);
    }
    [[nodiscard]] std::atomic_ref<std::uint16_t> ref16(std::size_t at) const {
        return std::atomic_ref{*reinterpret_cast<std::uint16_t*>(memory_.data() + at)};
    }

    std::span<std::byte> memory_;
    std::uint64_t address_;
    std::uint32_t size_;
    std::uint16_t available_ = 0;
};

}  // namespace relfence::vhost
