// SPDX-License-Identifier: MIT
#include <array>
#include <cstring>
#include <fstream>
#include <libfdt.h>
#include <linux/virtio_pcidev.h>
#include <map>
#include <sstream>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <relfence/board/board.hpp>
#include <relfence/board/platform_bus.hpp>
#include <relfence/board/rga.hpp>

#include "vhost_front_end.hpp"

namespace relfence::board {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(FaultRules, NameEngineJobAndKind) {
    const auto one = parse_fault_rule("vdpu:3:hang");
    ASSERT_TRUE(one);
    EXPECT_EQ(one->engine, "vdpu");
    EXPECT_EQ(one->job, 3U);
    EXPECT_EQ(one->fault, Fault::hang);
    const auto all = parse_fault_rule("rga:*:late-interrupt");
    ASSERT_TRUE(all);
    EXPECT_EQ(all->job, 0U);
    EXPECT_EQ(all->fault, Fault::late_interrupt);
}

TEST(FaultRules, EveryNameIsAnotherFault) {
    std::map<Fault, int> seen;
    for (const auto& name : fault_names()) {
        const auto rule = parse_fault_rule("rga:1:" + name);
        ASSERT_TRUE(rule) << name;
        ++seen[rule->fault];
    }
    EXPECT_EQ(seen.size(), 6U);
    EXPECT_FALSE(seen.contains(Fault::none));
}

TEST(FaultRules, AnythingElseIsRefusedWithWhatItMayBe) {
    for (const char* wrong : {"", "vdpu", "vdpu:hang", ":1:hang", "vdpu:0:hang", "vdpu:-1:hang",
                              "vdpu:1x:hang", "vdpu::hang", "vdpu:1:", "vdpu:1:none",
                              "vdpu:1:hang:1", "vdpu:99999999999999999999:hang"}) {
        const auto rule = parse_fault_rule(wrong);
        ASSERT_FALSE(rule) << wrong;
        EXPECT_THAT(rule.error().message(), HasSubstr("bus-error")) << wrong;
    }
}

TEST(Durations, HaveAUnit) {
    EXPECT_EQ(*parse_duration("16ms"), 16ms);
    EXPECT_EQ(*parse_duration("500us"), 500us);
    EXPECT_EQ(*parse_duration("2s"), 2s);
    EXPECT_EQ(*parse_duration("real"), 0ns);
    for (const char* wrong : {"", "16", "ms", "0ms", "-1ms", "1.5ms", "16 ms", "3601s",
                              "18446744073709551615s", "18446744073709551616s"})
        EXPECT_FALSE(parse_duration(wrong)) << wrong;
}

TEST(Times, AreTwo) {
    EXPECT_EQ(*parse_time("real"), Time::real);
    EXPECT_EQ(*parse_time("virtual"), Time::simulated);
    for (const char* wrong : {"", "Real", "fake", "virtual "}) EXPECT_FALSE(parse_time(wrong));
}

// Two peripherals at one place, or beyond where the kernel can map them, would be seen by drivers
// only, as registers of somebody else.
TEST(Boards, HavePlacesOfTheirOwnOnTheBus) {
    for (const Description& board : boards()) {
        std::vector<std::pair<std::uint32_t, std::uint32_t>> places{{kResetAddress, kResetLength}};
        for (const auto& device : board.peripherals) {
            places.emplace_back(device.address, device.length);
            for (const auto& engine : device.engines)
                EXPECT_LE(engine.offset + engine.length, device.length) << device.node;
        }
        for (std::size_t i = 0; i < places.size(); ++i) {
            EXPECT_GE(places[i].first, PlatformBus::base);
            EXPECT_LE(places[i].first + places[i].second, PlatformBus::base + PlatformBus::size);
            for (std::size_t j = 0; j < i; ++j)
                EXPECT_TRUE(places[i].first >= places[j].first + places[j].second ||
                            places[j].first >= places[i].first + places[i].second);
        }
    }
}

struct Served : ::testing::Test {
    std::filesystem::path directory;
    BoardOptions options;
    std::unique_ptr<Board> board;
    std::thread thread;
    Result<void> ran;

    Served() {
        std::string name = ::testing::TempDir() + "relfence-board.XXXXXX";
        directory = ::mkdtemp(name.data());
        options.directory = directory;
        options.log = directory / "log";
    }
    ~Served() override {
        if (board) board->stop();
        if (thread.joinable()) thread.join();
        board.reset();
        std::filesystem::remove_all(directory);
    }
    void create(const char* name = "fresnel") {
        auto made = Board::create(*find_board(name), options);
        ASSERT_TRUE(made) << made.error().message();
        board = std::move(*made);
    }
    void serve() {
        create();
        thread = std::thread{[this] { ran = board->run(); }};
    }
    [[nodiscard]] std::string log() const {
        std::ostringstream text;
        text << std::ifstream{directory / "log"}.rdbuf();
        return text.str();
    }
    [[nodiscard]] UniqueFd connect(const char* name) const {
        UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const std::string path = directory / name;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
                  0);
        return fd;
    }
};

/// A guest that has found the bus, as virt-pci.c does.
class BusGuest {
  public:
    explicit BusGuest(UniqueFd socket) : front_{std::move(socket), nullptr} {
        front_.handshake();
        front_.find_queues(2);
    }
    std::uint32_t read(std::uint32_t address) {
        auto& ring = front_.ring(0);
        put(VIRTIO_PCIDEV_OP_MMIO_READ, address);
        ring.descriptor(0, ring.data(), sizeof(virtio_pcidev_msg), vhost::desc_next, 1);
        ring.descriptor(1, ring.data(256), 4, vhost::desc_write);
        run();
        std::uint32_t value = 0;
        std::memcpy(&value, ring.bytes(ring.data(256), 4).data(), 4);
        return value;
    }
    void write(std::uint32_t address, std::uint32_t value) {
        auto& ring = front_.ring(0);
        put(VIRTIO_PCIDEV_OP_MMIO_WRITE, address);
        std::memcpy(ring.bytes(ring.data(sizeof(virtio_pcidev_msg)), 4).data(), &value, 4);
        ring.descriptor(0, ring.data(), sizeof(virtio_pcidev_msg) + 4);
        run();
    }
    vhost::FrontEnd& front() { return front_; }

  private:
    void put(unsigned op, std::uint32_t address) {
        virtio_pcidev_msg message{};
        message.op = static_cast<std::uint8_t>(op);
        message.size = 4;
        message.addr = address - PlatformBus::base;
        auto& ring = front_.ring(0);
        std::memcpy(ring.bytes(ring.data(), sizeof message).data(), &message, sizeof message);
    }
    /// Returns when the kick was answered, which is after the request was served.
    void run() {
        front_.ring(0).make_available(0);
        front_.kick(0);
    }
    vhost::FrontEnd front_;
};

constexpr std::uint32_t rga = 0x10680000, rga_version = rga + 0x28, rga_sys_ctrl = rga;

TEST_F(Served, ItsDeviceTreeIsWhatTheDriversAskFor) {
    create();
    std::ifstream file{directory / "board.dtb", std::ios::binary};
    std::vector<char> tree{std::istreambuf_iterator<char>{file}, {}};
    ASSERT_EQ(::fdt_check_full(tree.data(), tree.size()), 0);
    const void* fdt = tree.data();
    const auto strings = [fdt](int node, const char* name) {
        std::vector<std::string> list;
        for (int i = 0; i < ::fdt_stringlist_count(fdt, node, name); ++i)
            list.emplace_back(::fdt_stringlist_get(fdt, node, name, i, nullptr));
        return list;
    };
    const auto cells = [fdt](int node, const char* name) {
        int length = 0;
        const auto* values = static_cast<const fdt32_t*>(::fdt_getprop(fdt, node, name, &length));
        std::vector<std::uint32_t> list;
        for (int i = 0; i < length / 4; ++i) list.push_back(fdt32_to_cpu(values[i]));
        return list;
    };
    const int vpu = ::fdt_path_offset(fdt, "/bus/device/video-codec@10650000");
    ASSERT_GE(vpu, 0);
    EXPECT_THAT(strings(vpu, "compatible"), ElementsAre("rockchip,rk3399-vpu"));
    EXPECT_THAT(strings(vpu, "interrupt-names"), ElementsAre("vepu", "vdpu"));
    EXPECT_THAT(strings(vpu, "clock-names"), ElementsAre("aclk", "hclk"));
    EXPECT_EQ(cells(vpu, "clocks").size(), 2U);
    const int gpio = ::fdt_path_offset(fdt, "/gpio/device");
    ASSERT_GE(gpio, 0);
    const std::uint32_t handle = ::fdt_get_phandle(fdt, gpio);
    EXPECT_THAT(cells(vpu, "interrupts-extended"), ElementsAre(handle, 0, 4, handle, 1, 4));
    EXPECT_THAT(strings(gpio, "compatible"), ElementsAre("virtio,device29"));
    const int engine = ::fdt_path_offset(fdt, "/bus/device/rga@10680000");
    ASSERT_GE(engine, 0);
    EXPECT_THAT(strings(engine, "reset-names"), ElementsAre("core", "axi", "ahb"));
    EXPECT_THAT(cells(engine, "interrupts-extended"), ElementsAre(handle, 2, 4));
    const int bus = ::fdt_path_offset(fdt, "/bus");
    EXPECT_THAT(strings(bus, "socket-path"), ElementsAre((directory / "bus.sock").string()));
    EXPECT_THAT(cells(bus, "virtio-device-id"), ElementsAre(1234));
    EXPECT_THAT(board->kernel_arguments(),
                ElementsAre("dtb=" + (directory / "board.dtb").string()));
}

TEST_F(Served, LeavesNothingButItsLog) {
    create();
    board.reset();
    std::vector<std::string> left;
    for (const auto& entry : std::filesystem::directory_iterator{directory})
        left.push_back(entry.path().filename());
    EXPECT_THAT(left, ElementsAre("log"));
}

TEST_F(Served, ASocketInUseIsOneClearLine) {
    create();
    options.log.clear();
    const auto second = Board::create(*find_board("ohm"), options);
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().message(), HasSubstr("gpio.sock"));
    EXPECT_TRUE(std::filesystem::exists(directory / "board.dtb"));
}

TEST_F(Served, UnusableOptionsAreRefused) {
    options.faults = {{"vepu2", 1, Fault::hang}};
    const auto engine = Board::create(*find_board("fresnel"), options);
    ASSERT_FALSE(engine);
    EXPECT_THAT(engine.error().message(), AllOf(HasSubstr("vepu2"), HasSubstr("vdpu")));
    options.faults.clear();
    options.directory = directory / "none";
    EXPECT_FALSE(Board::create(*find_board("fresnel"), options));
    options.directory = directory;
    options.log = directory / "none" / "log";
    EXPECT_FALSE(Board::create(*find_board("fresnel"), options));
}

TEST_F(Served, EachGuestFindsAFreshBoard) {
    serve();
    {
        BusGuest first{connect("bus.sock")};
        EXPECT_EQ(first.read(rga_version), kRgaVersionRk3399);
        first.write(rga + 0x8, 0x1234);  // RGA_CMD_BASE
        EXPECT_EQ(first.read(rga + 0x8), 0x1234U);
    }
    BusGuest second{connect("bus.sock")};
    EXPECT_EQ(second.read(rga + 0x8), 0U);
    EXPECT_EQ(second.read(rga_version), kRgaVersionRk3399);
}

TEST_F(Served, TheResetLineReachesItsDevice) {
    serve();
    BusGuest guest{connect("bus.sock")};
    guest.write(rga + 0x8, 0x1234);
    guest.write(kResetAddress, 0b010);
    EXPECT_EQ(guest.read(rga + 0x8), 0U);
}

// A guest that breaks the protocol is the guest's loss, not the board's.
TEST_F(Served, AGuestThatIsSentAwayLeavesTheBoardReady) {
    serve();
    {
        const UniqueFd broken = connect("bus.sock");
        const std::array<char, 64> garbage{'x'};
        ASSERT_EQ(::send(broken.get(), garbage.data(), garbage.size(), MSG_NOSIGNAL), 64);
        char byte = 0;
        EXPECT_LE(::recv(broken.get(), &byte, 1, 0), 0);
    }
    BusGuest guest{connect("bus.sock")};
    EXPECT_EQ(guest.read(rga_version), kRgaVersionRk3399);
    EXPECT_THAT(log(), HasSubstr("sent its guest away"));
}

TEST_F(Served, ADriverBugIsLoggedAndCounted) {
    serve();
    BusGuest guest{connect("bus.sock")};
    EXPECT_EQ(guest.read(0x10123454), 0xffffffffU);
    EXPECT_THAT(log(), HasSubstr("bus: driver bug: read of 0x10123454, where no device is"));
    board->stop();
    thread.join();
    EXPECT_TRUE(ran);
    EXPECT_EQ(board->counters().driver_bugs, 1U);
    EXPECT_EQ(board->counters().guests, 1U);
}

TEST_F(Served, ADriverBugEndsAStrictBoard) {
    options.strict = true;
    serve();
    BusGuest guest{connect("bus.sock")};
    EXPECT_EQ(guest.read(0x10123454), 0xffffffffU);
    thread.join();
    ASSERT_FALSE(ran);
    EXPECT_THAT(ran.error().message(), HasSubstr("0x10123454"));
}

TEST_F(Served, InVirtualTimeTheKernelIsToldWhereTimeIs) {
    options.time = Time::simulated;
    create();
    ASSERT_EQ(board->kernel_arguments().size(), 2U);
    EXPECT_EQ(board->kernel_arguments()[1],
              "time-travel=ext:1:" + (directory / "time.sock").string());
}

}  // namespace
}  // namespace relfence::board
