// SPDX-License-Identifier: MIT
#include <atomic>
#include <bit>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include <fmt/format.h>

#include <relfence/vhost/vring.hpp>

namespace relfence::vhost {
namespace {

/// Layout of virtio 1.2, sections 2.7.5 to 2.7.8.
struct Descriptor {
    std::uint64_t address = 0;
    std::uint32_t length = 0;
    std::uint16_t flags = 0;
    std::uint16_t next = 0;
};
static_assert(sizeof(Descriptor) == 16);
constexpr std::uint16_t flag_next = 1;
constexpr std::uint16_t flag_write = 2;
constexpr std::uint16_t flag_indirect = 4;

struct UsedElement {
    std::uint32_t id = 0;
    std::uint32_t length = 0;
};
/// Both rings: flags, index, then the entries.
constexpr std::size_t ring_flags = 0;
constexpr std::size_t ring_index = 2;
constexpr std::size_t ring_entries = 4;
constexpr std::uint16_t available_no_interrupt = 1;
constexpr std::uint16_t used_no_notify = 1;

/// A 16 bit value that the guest changes while we look. @p at is aligned, see Vring::create().
std::atomic_ref<std::uint16_t> shared16(std::span<std::byte> bytes, std::size_t at) {
    return std::atomic_ref{*reinterpret_cast<std::uint16_t*>(bytes.data() + at)};
}

bool aligned(std::span<std::byte> bytes, std::size_t to) {
    return reinterpret_cast<std::uintptr_t>(bytes.data()) % to == 0;
}

/// The walk along one chain: checks each descriptor and collects what it points at.
class Walk {
  public:
    Walk(const VringSetup& setup, const GuestMemory& memory, std::uint16_t head)
        : setup_{setup}, memory_{memory}, head_{head} {}

    /// @param table the ring's own, or an indirect one @param first where to begin in it
    Result<void> along(std::span<const std::byte> table, std::uint16_t first, bool in_indirect);

    std::vector<std::span<const std::byte>> readable;
    std::vector<std::span<std::byte>> writable;

  private:
    Result<void> take(const Descriptor& descriptor, std::size_t index, bool in_indirect);
    Result<void> indirect(const Descriptor& descriptor, std::size_t index);
    [[nodiscard]] tl::unexpected<Error> refuse(std::string_view what, std::size_t index,
                                               bool in_indirect) const {
        return fail(what,
                    fmt::format("descriptor {}{} of chain {} of queue {}", index,
                                in_indirect ? " of the indirect table" : "", head_, setup_.queue));
    }

    const VringSetup& setup_;
    const GuestMemory& memory_;
    std::uint16_t head_;
    std::uint64_t total_ = 0;
};

Result<void> Walk::along(std::span<const std::byte> table, std::uint16_t first, bool in_indirect) {
    const std::size_t entries = table.size() / sizeof(Descriptor);
    std::uint16_t index = first;
    // More steps than entries: some entry was there twice.
    for (std::size_t steps = 0; steps < entries; ++steps) {
        Descriptor descriptor;  // a copy: the guest may change its own
        std::memcpy(&descriptor, table.data() + index * sizeof descriptor, sizeof descriptor);
        if ((descriptor.flags & ~(flag_next | flag_write | flag_indirect)) != 0)
            return refuse(fmt::format("has unknown flags {:#x}", descriptor.flags), index,
                          in_indirect);
        const bool is_indirect = (descriptor.flags & flag_indirect) != 0;
        if (is_indirect && in_indirect)
            return refuse("is an indirect table in an indirect table", index, in_indirect);
        if (is_indirect && !setup_.indirect)
            return refuse("is an indirect table, which was not agreed on", index, in_indirect);
        if (is_indirect && (descriptor.flags & flag_next) != 0)
            return refuse("is an indirect table with a next descriptor", index, in_indirect);
        auto taken =
            is_indirect ? indirect(descriptor, index) : take(descriptor, index, in_indirect);
        if (!taken) return taken;
        if ((descriptor.flags & flag_next) == 0) return {};
        if (descriptor.next >= entries)
            return refuse(fmt::format("goes on at {}, of {}", descriptor.next, entries), index,
                          in_indirect);
        index = descriptor.next;
    }
    return refuse("is in a loop", index, in_indirect);
}

Result<void> Walk::take(const Descriptor& descriptor, std::size_t index, bool in_indirect) {
    if (descriptor.length == 0) return refuse("has no bytes", index, in_indirect);
    total_ += descriptor.length;
    // What a used element can say.
    if (total_ > std::numeric_limits<std::uint32_t>::max())
        return refuse("makes the chain longer than 4 GiB", index, in_indirect);
    auto bytes = memory_.slice(descriptor.address, descriptor.length);
    if (!bytes) {
        auto error = refuse("is outside the guest's memory", index, in_indirect);
        error.value().hint = bytes.error().subject;
        return error;
    }
    if ((descriptor.flags & flag_write) != 0) {
        writable.push_back(*bytes);
        return {};
    }
    if (!writable.empty())
        return refuse("is to be read and comes after one to be written", index, in_indirect);
    readable.push_back(*bytes);
    return {};
}

Result<void> Walk::indirect(const Descriptor& descriptor, std::size_t index) {
    const std::size_t entries = descriptor.length / sizeof(Descriptor);
    if (entries == 0 || descriptor.length % sizeof(Descriptor) != 0 || entries > setup_.size)
        return refuse(fmt::format("is an indirect table of {} bytes", descriptor.length), index,
                      false);
    const auto table = memory_.slice(descriptor.address, descriptor.length);
    if (!table) {
        auto error = refuse("is outside the guest's memory", index, false);
        error.value().hint = table.error().subject;
        return error;
    }
    return along(*table, 0, true);
}

}  // namespace

Result<Vring> Vring::create(const VringSetup& setup, std::shared_ptr<const GuestMemory> memory) {
    const std::string subject = fmt::format("queue {}", setup.queue);
    if (!std::has_single_bit(setup.size) || setup.size > size_limit)
        return fail(fmt::format("has {} descriptors", setup.size), subject);
    if (!memory) return fail("has no memory table", subject);
    Vring ring;
    // The rings end with an event index each, used or not.
    const std::uint64_t available = ring_entries + 2ULL * setup.size + 2;
    const std::uint64_t used = ring_entries + sizeof(UsedElement) * setup.size + 2ULL;
    const auto part = [&](const char* name, std::uint64_t address, std::uint64_t length,
                          std::size_t alignment) -> Result<std::span<std::byte>> {
        auto bytes = memory->slice_user(address, length);
        if (!bytes)
            return fail(fmt::format("has its {} outside the guest's memory", name), subject,
                        bytes.error().subject);
        if (!aligned(*bytes, alignment))
            return fail(fmt::format("has its {} at {:#x}, not aligned", name, address), subject);
        return bytes;
    };
    const auto descriptors =
        part("descriptors", setup.descriptors, sizeof(Descriptor) * setup.size, 16);
    if (!descriptors) return tl::make_unexpected(descriptors.error());
    const auto available_ring = part("available ring", setup.available, available, 2);
    if (!available_ring) return tl::make_unexpected(available_ring.error());
    const auto used_ring = part("used ring", setup.used, used, 4);
    if (!used_ring) return tl::make_unexpected(used_ring.error());
    ring.setup_ = setup;
    ring.descriptors_ = *descriptors;
    ring.available_ = *available_ring;
    ring.used_ = *used_ring;
    ring.memory_ = std::move(memory);
    ring.next_ = setup.base;
    // What the guest gave us to write is not to be believed later, but to be continued now.
    ring.used_index_ = shared16(ring.used_, ring_index).load(std::memory_order_relaxed);
    ring.in_flight_.assign(setup.size, false);
    return ring;
}

Result<std::uint16_t> Vring::waiting() const {
    // In one order with want_kicks() before it.
    const auto index = shared16(available_, ring_index).load(std::memory_order_seq_cst);
    const auto count = static_cast<std::uint16_t>(index - next_);
    if (count > setup_.size)
        return fail(fmt::format("has {} available entries in a ring of {}", count, setup_.size),
                    fmt::format("queue {}", setup_.queue));
    return count;
}

Result<Chain> Vring::pop() {
    const std::uint16_t slot = next_ & static_cast<std::uint16_t>(setup_.size - 1);
    const auto head =
        shared16(available_, ring_entries + 2UL * slot).load(std::memory_order_relaxed);
    ++next_;
    if (head >= setup_.size)
        return fail(fmt::format("is made available, of {}", setup_.size),
                    fmt::format("descriptor {} of queue {}", head, setup_.queue));
    if (in_flight_[head])
        return fail("is made available twice",
                    fmt::format("descriptor {} of queue {}", head, setup_.queue));
    Walk walk{setup_, *memory_, head};
    if (auto walked = walk.along(descriptors_, head, false); !walked)
        return tl::make_unexpected(walked.error());
    in_flight_[head] = true;
    return Chain{{setup_.queue, head, setup_.number},
                 std::move(walk.readable),
                 std::move(walk.writable),
                 memory_};
}

void Vring::push(std::uint16_t head, std::uint32_t written) {
    in_flight_[head] = false;
    const std::size_t slot = used_index_ & (setup_.size - 1);
    const UsedElement element{head, written};
    std::memcpy(used_.data() + ring_entries + slot * sizeof element, &element, sizeof element);
    ++used_index_;
    // In one order with wants_call(): either the guest sees the index when it asks for interrupts
    // again, or we see that it asked.
    shared16(used_, ring_index).store(used_index_, std::memory_order_seq_cst);
}

bool Vring::wants_call() const {
    const auto flags = shared16(available_, ring_flags).load(std::memory_order_seq_cst);
    return (flags & available_no_interrupt) == 0;
}

void Vring::want_kicks(bool wanted) {
    // In one order with waiting() that follows: either the guest sees the wish after it made
    // something available, or we see that.
    shared16(used_, ring_flags).store(wanted ? 0 : used_no_notify, std::memory_order_seq_cst);
}

}  // namespace relfence::vhost
