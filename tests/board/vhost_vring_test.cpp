// SPDX-License-Identifier: MIT
// Chains in fake guest memory: what a driver makes is read as it is meant, and each rule that a
// broken or hostile one breaks is refused by an error that names the descriptor.
#include <cerrno>
#include <cstdint>
#include <string>
#include <sys/mman.h>
#include <vector>

#include <gtest/gtest.h>

#include "vhost_guest.hpp"

namespace relfence::vhost {
namespace {

constexpr std::uint64_t base = 0x60000000;
constexpr std::uint32_t size = 8;

class VringTest : public ::testing::Test {
  protected:
    VringTest() {
        auto memory = std::make_shared<GuestMemory>();
        memory->add_plain(bytes_, base);
        memory_ = memory;
    }
    Vring ring(bool indirect = false) {
        VringSetup setup = guest.setup();
        setup.queue = 3;
        setup.indirect = indirect;
        auto made = Vring::create(setup, memory_);
        EXPECT_TRUE(made) << made.error().message();
        return std::move(*made);
    }
    /// Makes descriptor 0 available and expects the refusal.
    void expect_refused(const std::string& what, const std::string& which, bool indirect = false) {
        guest.make_available(0);
        Vring r = ring(indirect);
        ASSERT_EQ(r.waiting(), 1);
        const auto chain = r.pop();
        ASSERT_FALSE(chain) << "a broken chain was taken";
        EXPECT_EQ(chain.error().operation, what);
        EXPECT_EQ(chain.error().subject, which);
    }

    alignas(4096) std::array<std::byte, GuestRing::bytes_needed> bytes_{};
    std::shared_ptr<const GuestMemory> memory_;
    GuestRing guest{bytes_, base, size};
};

TEST_F(VringTest, TakesAChainAndAnswersIt) {
    const std::string question = "ab";
    std::memcpy(guest.bytes(guest.data(), 2).data(), question.data(), 2);
    std::memcpy(guest.bytes(guest.data(0x100), 1).data(), "c", 1);
    guest.descriptor(5, guest.data(), 2, desc_next, 2);
    guest.descriptor(2, guest.data(0x100), 1, desc_next, 7);
    guest.descriptor(7, guest.data(0x200), 3, desc_write | desc_next, 1);
    guest.descriptor(1, guest.data(0x300), 4, desc_write);
    guest.make_available(5);
    Vring r = ring();
    ASSERT_EQ(r.waiting(), 1);
    auto chain = r.pop();
    ASSERT_TRUE(chain) << chain.error().message();
    EXPECT_EQ(chain->queue(), 3U);
    EXPECT_EQ(chain->readable_size(), 3U);
    EXPECT_EQ(chain->writable_size(), 7U);
    std::array<std::byte, 8> read{};
    EXPECT_EQ(chain->read(read), 3U);
    EXPECT_EQ(std::memcmp(read.data(), "abc", 3), 0);
    EXPECT_EQ(chain->read(read, 2), 1U);
    EXPECT_EQ(read[0], std::byte{'c'});
    EXPECT_EQ(chain->read(read, 3), 0U);
    EXPECT_EQ(chain->write(std::as_bytes(std::span{"12345678", 8})), 7U) << "no room for the 8th";
    EXPECT_EQ(std::memcmp(guest.bytes(guest.data(0x200), 3).data(), "123", 3), 0);
    EXPECT_EQ(std::memcmp(guest.bytes(guest.data(0x300), 4).data(), "4567", 4), 0);
    EXPECT_EQ(guest.bytes(guest.data(0x203), 1)[0], std::byte{0});
    EXPECT_EQ(chain->write(std::as_bytes(std::span{"X", 1}), 3), 1U);
    EXPECT_EQ(guest.bytes(guest.data(0x300), 1)[0], std::byte{'X'});
    EXPECT_EQ(guest.used_index(), 0);
    EXPECT_TRUE(r.in_flight(5));
    r.push(chain->origin().head, 7);
    EXPECT_FALSE(r.in_flight(5));
    EXPECT_EQ(guest.used_index(), 1);
    EXPECT_EQ(guest.used(0).id, 5U);
    EXPECT_EQ(guest.used(0).length, 7U);
    EXPECT_EQ(r.waiting(), 0);
}

TEST_F(VringTest, GoesRoundTheRingManyTimes) {
    Vring r = ring();
    for (std::uint32_t i = 0; i < 0x10003; ++i) {
        const auto head = static_cast<std::uint16_t>(i % size);
        guest.descriptor(head, guest.data(), 1 + i % 100);
        guest.make_available(head);
        ASSERT_EQ(r.waiting(), 1);
        const auto chain = r.pop();
        ASSERT_TRUE(chain);
        ASSERT_EQ(chain->readable_size(), 1 + i % 100);
        r.push(head, 0);
        ASSERT_EQ(guest.used_index(), static_cast<std::uint16_t>(i + 1));
        ASSERT_EQ(guest.used(static_cast<std::uint16_t>(i)).id, head);
    }
    EXPECT_EQ(r.next(), 3);
}

TEST_F(VringTest, CompletesInAnyOrder) {
    Vring r = ring();
    for (std::uint16_t i = 0; i < 3; ++i) {
        guest.descriptor(i, guest.data(), 1, desc_write);
        guest.make_available(i);
        ASSERT_TRUE(r.pop());
    }
    r.push(2, 1);
    r.push(0, 0);
    EXPECT_EQ(guest.used(0).id, 2U);
    EXPECT_EQ(guest.used(1).id, 0U);
    EXPECT_TRUE(r.in_flight(1));
}

TEST_F(VringTest, StartsWhereTheGuestSays) {
    guest.set_available_index(6);
    guest.descriptor(4, guest.data(), 1);
    guest.make_available(4);
    VringSetup setup = guest.setup();
    setup.base = 6;
    auto r = Vring::create(setup, memory_);
    ASSERT_TRUE(r);
    ASSERT_EQ(r->waiting(), 1);
    EXPECT_EQ(r->pop()->origin().head, 4);
}

TEST_F(VringTest, CallsUnlessAskedNotTo) {
    Vring r = ring();
    EXPECT_TRUE(r.wants_call());
    guest.want_no_call(true);
    EXPECT_FALSE(r.wants_call());
}

TEST_F(VringTest, TakesIndirectTablesWhenAgreed) {
    const std::size_t table = GuestRing::data_at + 0x800;
    guest.write_descriptor(table, guest.data(), 4, desc_next, 2);
    guest.write_descriptor(table + 32, guest.data(0x100), 6, desc_write);
    guest.descriptor(0, base + table, 48, desc_indirect);
    guest.make_available(0);
    Vring r = ring(true);
    const auto chain = r.pop();
    ASSERT_TRUE(chain) << chain.error().message();
    EXPECT_EQ(chain->readable_size(), 4U);
    EXPECT_EQ(chain->writable_size(), 6U);
}

// One test per kind of broken chain.

TEST_F(VringTest, RefusesALoop) {
    guest.descriptor(0, guest.data(), 1, desc_next, 1);
    guest.descriptor(1, guest.data(), 1, desc_next, 0);
    expect_refused("is in a loop", "descriptor 0 of chain 0 of queue 3");
}

TEST_F(VringTest, RefusesALoopOfOne) {
    guest.descriptor(0, guest.data(), 1, desc_next, 0);
    expect_refused("is in a loop", "descriptor 0 of chain 0 of queue 3");
}

TEST_F(VringTest, TakesAChainOfTheWholeTable) {
    // The control of the loop check: as many descriptors as there are is no loop.
    for (std::uint16_t i = 0; i < size; ++i)
        guest.descriptor(i, guest.data(), 1, i + 1U < size ? desc_next : 0,
                         static_cast<std::uint16_t>(i + 1));
    guest.make_available(0);
    Vring r = ring();
    EXPECT_EQ(r.pop()->readable_size(), size);
}

TEST_F(VringTest, RefusesANextOutOfRange) {
    guest.descriptor(0, guest.data(), 1, desc_next, 4);
    guest.descriptor(4, guest.data(), 1, desc_next, size);
    expect_refused("goes on at 8, of 8", "descriptor 4 of chain 0 of queue 3");
}

TEST_F(VringTest, RefusesAHeadOutOfRange) {
    guest.make_available(size);
    Vring r = ring();
    const auto chain = r.pop();
    ASSERT_FALSE(chain);
    EXPECT_EQ(chain.error().message(), "descriptor 8 of queue 3: is made available, of 8");
}

TEST_F(VringTest, RefusesAHeadInFlight) {
    guest.descriptor(6, guest.data(), 1);
    guest.make_available(6);
    guest.make_available(6);
    Vring r = ring();
    ASSERT_TRUE(r.pop());
    const auto again = r.pop();
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().message(), "descriptor 6 of queue 3: is made available twice");
}

TEST_F(VringTest, RefusesNoBytes) {
    guest.descriptor(0, guest.data(), 0);
    expect_refused("has no bytes", "descriptor 0 of chain 0 of queue 3");
}

TEST_F(VringTest, RefusesLengthsThatOverflow) {
    // Address space without memory behind it: nothing touches it.
    constexpr std::size_t half = 0x80000000U;
    void* const space =
        ::mmap(nullptr, half, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ASSERT_NE(space, MAP_FAILED);
    auto memory = std::make_shared<GuestMemory>();
    memory->add_plain(bytes_, base);
    memory->add_plain(std::span{static_cast<std::byte*>(space), half}, 0x1'0000'0000);
    memory_ = memory;
    guest.descriptor(0, 0x1'0000'0000, 0x80000000U, desc_write | desc_next, 1);
    guest.descriptor(1, 0x1'0000'0000, 0x80000000U, desc_write);
    expect_refused("makes the chain longer than 4 GiB", "descriptor 1 of chain 0 of queue 3");
    ::munmap(space, half);
}

TEST_F(VringTest, RefusesReadableAfterWritable) {
    guest.descriptor(0, guest.data(), 4, desc_write | desc_next, 1);
    guest.descriptor(1, guest.data(), 4);
    expect_refused("is to be read and comes after one to be written",
                   "descriptor 1 of chain 0 of queue 3");
}

TEST_F(VringTest, RefusesBytesOutsideTheMemory) {
    guest.descriptor(0, base + GuestRing::bytes_needed - 4, 5);
    expect_refused("is outside the guest's memory", "descriptor 0 of chain 0 of queue 3");
}

TEST_F(VringTest, RefusesAnAddressThatWraps) {
    guest.descriptor(0, 0xffff'ffff'ffff'fff0, 0x20, desc_write);
    expect_refused("is outside the guest's memory", "descriptor 0 of chain 0 of queue 3");
}

TEST_F(VringTest, RefusesUnknownFlags) {
    guest.descriptor(0, guest.data(), 4, 8);
    expect_refused("has unknown flags 0x8", "descriptor 0 of chain 0 of queue 3");
}

TEST_F(VringTest, RefusesIndirectWhenNotAgreed) {
    guest.descriptor(0, guest.data(), 16, desc_indirect);
    expect_refused("is an indirect table, which was not agreed on",
                   "descriptor 0 of chain 0 of queue 3");
}

TEST_F(VringTest, RefusesIndirectInIndirect) {
    guest.write_descriptor(GuestRing::data_at, guest.data(), 16, desc_indirect);
    guest.descriptor(0, guest.data(), 16, desc_indirect);
    expect_refused("is an indirect table in an indirect table",
                   "descriptor 0 of the indirect table of chain 0 of queue 3", true);
}

TEST_F(VringTest, RefusesIndirectWithNext) {
    guest.descriptor(0, guest.data(), 16, desc_indirect | desc_next, 1);
    expect_refused("is an indirect table with a next descriptor",
                   "descriptor 0 of chain 0 of queue 3", true);
}

TEST_F(VringTest, RefusesBrokenIndirectTables) {
    guest.descriptor(0, guest.data(), 24, desc_indirect);
    expect_refused("is an indirect table of 24 bytes", "descriptor 0 of chain 0 of queue 3", true);
}

TEST_F(VringTest, RefusesIndirectTablesLongerThanTheQueue) {
    guest.descriptor(0, guest.data(), (size + 1) * 16, desc_indirect);
    expect_refused("is an indirect table of 144 bytes", "descriptor 0 of chain 0 of queue 3", true);
}

TEST_F(VringTest, RefusesIndirectTablesOutsideTheMemory) {
    guest.descriptor(0, 0x1000, 16, desc_indirect);
    expect_refused("is outside the guest's memory", "descriptor 0 of chain 0 of queue 3", true);
}

TEST_F(VringTest, RefusesALoopInAnIndirectTable) {
    guest.write_descriptor(GuestRing::data_at, guest.data(), 4, desc_next, 1);
    guest.write_descriptor(GuestRing::data_at + 16, guest.data(), 4, desc_next, 1);
    guest.descriptor(0, guest.data(), 32, desc_indirect);
    expect_refused("is in a loop", "descriptor 1 of the indirect table of chain 0 of queue 3",
                   true);
}

TEST_F(VringTest, RefusesANextOutOfAnIndirectTable) {
    guest.write_descriptor(GuestRing::data_at, guest.data(), 4, desc_next, 2);
    guest.descriptor(0, guest.data(), 32, desc_indirect);
    expect_refused("goes on at 2, of 2", "descriptor 0 of the indirect table of chain 0 of queue 3",
                   true);
}

TEST_F(VringTest, RefusesMoreAvailableThanTheRingHas) {
    guest.set_available_index(size + 1);
    const auto waiting = ring().waiting();
    ASSERT_FALSE(waiting);
    EXPECT_EQ(waiting.error().message(), "queue 3: has 9 available entries in a ring of 8");
}

TEST_F(VringTest, RefusesBrokenSetups) {
    const auto refused = [this](auto change) -> std::string {
        VringSetup setup = guest.setup();
        change(setup);
        const auto made = Vring::create(setup, memory_);
        return made ? "taken" : made.error().operation;
    };
    EXPECT_EQ(refused([](VringSetup&) {}), "taken");
    EXPECT_EQ(refused([](VringSetup& s) { s.size = 0; }), "has 0 descriptors");
    EXPECT_EQ(refused([](VringSetup& s) { s.size = 6; }), "has 6 descriptors");
    EXPECT_EQ(refused([](VringSetup& s) { s.size = 2048; }), "has 2048 descriptors");
    EXPECT_EQ(refused([](VringSetup& s) { s.descriptors += 8; }),
              "has its descriptors at 0x60000008, not aligned");
    EXPECT_EQ(refused([](VringSetup& s) { s.available += 1; }),
              "has its available ring at 0x60001001, not aligned");
    EXPECT_EQ(refused([](VringSetup& s) { s.used += 2; }),
              "has its used ring at 0x60002002, not aligned");
    EXPECT_EQ(refused([](VringSetup& s) { s.descriptors = 0; }),
              "has its descriptors outside the guest's memory");
    EXPECT_EQ(refused([](VringSetup& s) { s.available = base + GuestRing::bytes_needed - 16; }),
              "has its available ring outside the guest's memory");
    EXPECT_EQ(refused([](VringSetup& s) { s.used = 0xffff'ffff'ffff'fff0; }),
              "has its used ring outside the guest's memory");
    memory_ = nullptr;
    EXPECT_EQ(refused([](VringSetup&) {}), "has no memory table");
}

}  // namespace
}  // namespace relfence::vhost
