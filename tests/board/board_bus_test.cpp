// SPDX-License-Identifier: MIT
#include <linux/virtio_pcidev.h>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <relfence/board/platform_bus.hpp>
#include <relfence/board/reset_controller.hpp>

#include "board_fakes.hpp"
#include "board_port.hpp"

namespace relfence::board {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Remembers what reaches it.
class Recorder : public DeviceModel {
  public:
    [[nodiscard]] std::string_view name() const override { return "recorder"; }
    [[nodiscard]] std::uint32_t read(std::uint32_t offset) override { return values[offset]; }
    void write(std::uint32_t offset, std::uint32_t value) override {
        values[offset] = value;
        writes.push_back(offset);
    }
    void reset() override { ++resets; }
    std::map<std::uint32_t, std::uint32_t> values;
    std::vector<std::uint32_t> writes;
    int resets = 0;
};

constexpr std::uint32_t place = 0x10650000;
constexpr std::uint64_t offset = place - PlatformBus::base;

struct Bus : ::testing::Test {
    testing::KeptLog log;
    testing::FakePort port;
    int connections = 0, disconnections = 0, accesses = 0;
    PlatformBus bus{log,
                    {[this](vhost::Port&) { ++connections; }, [this](vhost::Port&) { ++accesses; },
                     [this] { ++disconnections; }}};
    Recorder device;

    Bus() {
        bus.attach(place, 0x100, device);
        bus.connected(port);
    }
    static virtio_pcidev_msg message(unsigned op, std::uint64_t address, std::uint32_t size) {
        virtio_pcidev_msg header{};
        header.op = static_cast<std::uint8_t>(op);
        header.size = size;
        header.addr = address;
        return header;
    }
    std::size_t send(const virtio_pcidev_msg& header, std::vector<std::byte> data = {},
                     std::size_t room = 0) {
        auto bytes = testing::as_bytes(header);
        bytes.insert(bytes.end(), data.begin(), data.end());
        bus.on_chain(port.chain(0, std::move(bytes), room));
        return port.completed.empty() ? 0 : port.completed.back().head;
    }
    void write(std::uint64_t address, std::vector<std::byte> data) {
        const auto size = static_cast<std::uint32_t>(data.size());
        send(message(VIRTIO_PCIDEV_OP_MMIO_WRITE, address, size), std::move(data));
    }
    std::uint64_t read(std::uint64_t address, std::uint32_t size) {
        const std::size_t head = send(message(VIRTIO_PCIDEV_OP_MMIO_READ, address, size), {}, size);
        EXPECT_EQ(port.completed.back().written, size);
        std::uint64_t value = 0;
        std::memcpy(&value, port.answer(head).data(), size);
        return value;
    }
};

TEST_F(Bus, CarriesReadsAndWritesToTheDeviceAtTheirAddress) {
    write(offset + 8, testing::as_bytes(0xdeadbeefU));
    EXPECT_EQ(device.values[8], 0xdeadbeefU);
    EXPECT_EQ(read(offset + 8, 4), 0xdeadbeefU);
    EXPECT_EQ(accesses, 2);
    EXPECT_THAT(log.bugs, IsEmpty());
}

TEST_F(Bus, CutsNarrowReadsOutAndSplitsWideOnes) {
    device.values = {{0, 0x44332211}, {4, 0x88776655}};
    EXPECT_EQ(read(offset, 1), 0x11U);
    EXPECT_EQ(read(offset + 3, 1), 0x44U);
    EXPECT_EQ(read(offset + 2, 2), 0x4433U);
    EXPECT_EQ(read(offset, 8), 0x8877665544332211U);
}

TEST_F(Bus, SplitsWideWritesInOrder) {
    write(offset, testing::as_bytes(std::uint64_t{0x8877665544332211}));
    EXPECT_EQ(device.values[0], 0x44332211U);
    EXPECT_EQ(device.values[4], 0x88776655U);
    EXPECT_THAT(device.writes, ElementsAre(0, 4));
}

TEST_F(Bus, ANarrowWriteIsADriversBug) {
    write(offset, {std::byte{1}});
    EXPECT_THAT(device.writes, IsEmpty());
    ASSERT_EQ(log.bugs.size(), 1U);
    EXPECT_THAT(log.bugs[0], HasSubstr("registers are written in words"));
}

TEST_F(Bus, FillsWords) {
    send(message(VIRTIO_PCIDEV_OP_MMIO_MEMSET, offset, 8), {std::byte{0xa5}});
    EXPECT_EQ(device.values[0], 0xa5a5a5a5U);
    EXPECT_THAT(device.writes, ElementsAre(0, 4));
}

TEST_F(Bus, WhereNoDeviceIsReadsAreAllOnesAndADriversBug) {
    EXPECT_EQ(read(offset + 0x100, 4), 0xffffffffU);
    write(offset - 4, testing::as_bytes(1U));
    EXPECT_THAT(device.writes, IsEmpty());
    EXPECT_EQ(log.bugs.size(), 2U);
}

// A guest may send anything: each of these must come back, or its ring fills up.
TEST_F(Bus, BrokenMessagesAreReportedAndComeBack) {
    bus.on_chain(port.chain(0, {std::byte{4}}, 0));
    bus.on_chain(port.chain(0, {}, 8));
    send(message(VIRTIO_PCIDEV_OP_MMIO_WRITE, offset, 4));
    send(message(VIRTIO_PCIDEV_OP_MMIO_READ, offset, 4), {}, 2);
    send(message(VIRTIO_PCIDEV_OP_MMIO_READ, offset, 0xffffffff), {}, 4);
    send(message(VIRTIO_PCIDEV_OP_MMIO_READ, 0xffffffffffffffff, 4), {}, 4);
    send(message(VIRTIO_PCIDEV_OP_MMIO_READ, PlatformBus::size - 2, 4), {}, 4);
    send(message(99, offset, 4));
    EXPECT_EQ(port.completed.size(), 8U);
    EXPECT_EQ(log.bugs.size(), 8U);
    EXPECT_THAT(device.writes, IsEmpty());
}

// Posted writes are found by the guest's next read. Without one, the ring of 256 would fill and
// the guest would lose writes.
TEST_F(Bus, TellsTheGuestBeforeItsRingIsFullOfWrites) {
    for (int i = 0; i < 63; ++i) write(offset, testing::as_bytes(1U));
    EXPECT_EQ(std::ranges::count(port.completed, true, &testing::FakePort::Completed::called), 0);
    write(offset, testing::as_bytes(1U));
    EXPECT_TRUE(port.completed.back().called);
    for (int i = 0; i < 63; ++i) write(offset, testing::as_bytes(1U));
    read(offset, 4);  // takes them
    for (int i = 0; i < 63; ++i) write(offset, testing::as_bytes(1U));
    EXPECT_EQ(std::ranges::count(port.completed, true, &testing::FakePort::Completed::called), 1);
}

TEST_F(Bus, KeepsTheBuffersOfTheInterruptQueue) {
    bus.on_chain(port.chain(1, {}, 20));
    EXPECT_THAT(port.completed, IsEmpty());
    EXPECT_THAT(log.bugs, IsEmpty());
}

TEST_F(Bus, TellsTheBoardOfGuests) {
    EXPECT_EQ(connections, 1);
    bus.disconnected();
    EXPECT_EQ(disconnections, 1);
}

struct Resets : ::testing::Test {
    testing::KeptLog log;
    Recorder first, second;
    ResetController controller{log, {&first, &second, &second}};
};

TEST_F(Resets, AssertingALineResetsItsDeviceOnce) {
    controller.write(0, 0b001);
    EXPECT_EQ(first.resets, 1);
    EXPECT_EQ(second.resets, 0);
    EXPECT_EQ(controller.read(0), 1U);
    controller.write(0, 0b011);
    EXPECT_EQ(first.resets, 1);
    EXPECT_EQ(second.resets, 1);
    controller.write(0, 0);
    controller.write(0, 0b100);
    EXPECT_EQ(second.resets, 2);
    EXPECT_THAT(log.bugs, IsEmpty());
}

TEST_F(Resets, WhatIsNotThereIsADriversBug) {
    controller.write(0, 0b1000);
    controller.write(4, 1);
    EXPECT_EQ(controller.read(8), 0U);
    EXPECT_EQ(log.bugs.size(), 3U);
}

}  // namespace
}  // namespace relfence::board
