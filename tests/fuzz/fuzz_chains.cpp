// SPDX-License-Identifier: MIT
// A guest whose memory holds anything: rings and descriptors are walked, and each byte that a chain
// claims is touched, so that AddressSanitizer sees a span that reaches too far.
//
// Input: log2 of the ring's size, flags (1: indirect was agreed on), base (16 bits), then the guest
// memory: descriptors at 0, available ring at 0x400, used ring at 0x800, as much as there is.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include <relfence/vhost/vring.hpp>

namespace {

using relfence::vhost::GuestMemory;
using relfence::vhost::Vring;
using relfence::vhost::VringSetup;

constexpr std::uint64_t base = 0x10000;
constexpr std::size_t memory_size = 0x1000;
constexpr std::size_t header_size = 4;

/// Says that an own rule is broken, in a way that libFuzzer reports.
void require(bool holds) {
    if (!holds) std::abort();
}

void touch(Vring& ring) {
    const auto waiting = ring.waiting();
    if (!waiting) return;
    for (std::uint16_t i = 0; i < *waiting; ++i) {
        auto chain = ring.pop();
        if (!chain) {
            require(!chain.error().subject.empty());
            return;
        }
        std::vector<std::byte> bytes(chain->readable_size() + 1);
        require(chain->read(bytes) == chain->readable_size());
        bytes.resize(chain->writable_size() + 1);
        require(chain->write(bytes) == chain->writable_size());
        require(ring.in_flight(chain->origin().head));
        // Every other one is kept, as a device may.
        if (i % 2 == 0) ring.push(chain->origin().head, 1);
        (void)ring.wants_call();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < header_size) return 0;
    // Exactly as long as the region says, so that one byte too far is seen.
    struct Free {
        void operator()(void* p) const { std::free(p); }
    };
    const std::unique_ptr<void, Free> storage{std::aligned_alloc(0x1000, memory_size)};
    const std::span bytes{static_cast<std::byte*>(storage.get()), memory_size};
    std::memset(bytes.data(), 0, bytes.size());
    std::memcpy(bytes.data(), data + header_size, std::min(size - header_size, bytes.size()));
    auto memory = std::make_shared<GuestMemory>();
    memory->add_plain(bytes, base);

    VringSetup setup;
    setup.size = 1U << (data[0] % 6);
    setup.indirect = (data[1] & 1) != 0;
    std::memcpy(&setup.base, data + 2, sizeof setup.base);
    setup.descriptors = base;
    setup.available = base + 0x400;
    setup.used = base + 0x800;
    auto ring = Vring::create(setup, memory);
    require(ring.has_value());
    touch(*ring);
    touch(*ring);
    return 0;
}
