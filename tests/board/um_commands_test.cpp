// SPDX-License-Identifier: MIT
// A kernel under a board that interrupts it where it hurts: no register read returns another's
// value, and no command is lost.
//
// The kernel is the lab's baseline, or the `linux` whose path RELFENCE_BOARD_KERNEL is. The control
// is the same without kernel/lab/6.12/uml (RELFENCE_BOARD_KERNEL_UNPATCHED): there the first test
// fails in each run, which UmCommandsControl shows, and the second in one of four or so, since it
// has to hit a window of some 100 ns.
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <poll.h>
#include <random>
#include <string>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <relfence/board/event_log.hpp>
#include <relfence/board/interrupt_controller.hpp>
#include <relfence/board/platform_bus.hpp>
#include <relfence/lab/exec_session.hpp>
#include <relfence/lab/guest.hpp>
#include <relfence/lab/scratch.hpp>
#include <relfence/vhost/endpoint.hpp>

#include "board/machine/device_tree.hpp"
#include "board_kernel.hpp"

namespace relfence::board {
namespace {

using Clock = std::chrono::steady_clock;
using testing::HasSubstr;
using testing::Not;

/// Registers that remember, and tell.
class Registers final : public DeviceModel {
  public:
    [[nodiscard]] std::string_view name() const override { return "registers"; }
    [[nodiscard]] std::uint32_t read(std::uint32_t offset) override {
        if (on_read) on_read(offset);
        return values[offset];
    }
    void write(std::uint32_t offset, std::uint32_t value) override {
        values[offset] = value;
        if (on_write) on_write(offset, value);
    }
    void reset() override {}

    std::map<std::uint32_t, std::uint32_t> values;
    std::function<void(std::uint32_t)> on_read;
    std::function<void(std::uint32_t, std::uint32_t)> on_write;
};

// rga-hw.h and rockchip_vpu2_regs.h of the kernel.
constexpr std::uint32_t rga_int = 0x10;
constexpr std::uint32_t rga_version_info = 0x28;
constexpr std::uint32_t vepu_encode_start = 0x19c;
constexpr std::uint32_t vepu_encode_enable = 1;
constexpr std::uint32_t vepu_interrupt = 0x1b4;
constexpr std::uint32_t vepu_frame_ready = 3;

/// fresnel's buses and places with registers that do what the test wants, in a thread of its own.
class Rig {
  public:
    explicit Rig(const std::filesystem::path& directory)
        : directory_{directory},
          log_{std::move(*TextLog::open(""))},
          gpio_{*log_, 8},
          bus_{*log_, {[](vhost::Port&) {}, [](vhost::Port&) {}, [] {}}},
          stop_{::eventfd(0, EFD_CLOEXEC)} {
        std::size_t line = 0;
        for (const Peripheral& device : find_board("fresnel")->peripherals) {
            for (const Engine& engine : device.engines) {
                Registers* model = &other;
                if (engine.kind == EngineKind::vepu) model = &vepu, vepu_line = &gpio_.line(line);
                if (engine.kind == EngineKind::rga_rk3399) {
                    model = &rga, rga_line = &gpio_.line(line);
                    rga_device = fmt::format("{:x}.{}", device.address, device.node);
                }
                bus_.attach(device.address + engine.offset, engine.length, *model);
                ++line;
            }
        }
        bus_.attach(kResetAddress, kResetLength, resets);
    }
    ~Rig() { finish(); }

    /// Writes the device tree and serves. @return what the kernel needs on its command line
    Result<std::vector<std::string>> start() {
        const std::string bus_socket = directory_ / "bus.sock";
        const std::string gpio_socket = directory_ / "gpio.sock";
        const auto tree = make_device_tree(*find_board("fresnel"), bus_socket, gpio_socket);
        if (!tree) return tl::make_unexpected(tree.error());
        const std::string path = directory_ / "board.dtb";
        std::ofstream{path, std::ios::binary}.write(reinterpret_cast<const char*>(tree->data()),
                                                    static_cast<std::streamsize>(tree->size()));
        auto bus = vhost::Endpoint::listen(bus_socket, bus_);
        if (!bus) return tl::make_unexpected(bus.error());
        auto gpio = vhost::Endpoint::listen(gpio_socket, gpio_);
        if (!gpio) return tl::make_unexpected(gpio.error());
        endpoints_ = {std::move(*bus), std::move(*gpio)};
        thread_ = std::thread{[this] { serve(); }};
        // A loaded machine may keep the board waiting for longer than the kernel's 40 ms.
        return std::vector<std::string>{"dtb=" + path, "virt_pci.max_delay_us=10000000"};
    }
    /// No guest is served any more: counts may be read.
    void finish() {
        if (!thread_.joinable()) return;
        constexpr std::uint64_t one = 1;
        (void)!::write(stop_.get(), &one, sizeof one);
        thread_.join();
    }
    /// In the board's thread: @p what at @p when, unless something waits already.
    void once_at(Clock::time_point when, std::function<void()> what) {
        if (!due_) due_.emplace(when, std::move(what));
    }

    Registers rga, vepu, other, resets;
    InterruptLine* rga_line = nullptr;
    InterruptLine* vepu_line = nullptr;
    std::string rga_device;  ///< as sysfs names it
    std::string error;       ///< of an endpoint

  private:
    void serve() {
        std::array fds{pollfd{endpoints_[0]->fd(), POLLIN, 0},
                       pollfd{endpoints_[1]->fd(), POLLIN, 0}, pollfd{stop_.get(), POLLIN, 0}};
        while (true) {
            // Microseconds count: no sleep while something is due.
            ::poll(fds.data(), fds.size(), due_ ? 0 : -1);
            if (fds[2].revents != 0) return;
            for (std::size_t i = 0; i < endpoints_.size(); ++i) {
                if (fds[i].revents == 0) continue;
                if (const auto served = endpoints_[i]->on_readable(); !served)
                    error = served.error().message();
            }
            if (!due_ || Clock::now() < due_->first) continue;
            const auto what = std::move(due_->second);
            due_.reset();
            what();
        }
    }

    std::filesystem::path directory_;
    std::unique_ptr<TextLog> log_;
    InterruptController gpio_;
    PlatformBus bus_;
    UniqueFd stop_;
    std::array<std::unique_ptr<vhost::Endpoint>, 2> endpoints_;
    std::optional<std::pair<Clock::time_point, std::function<void()>>> due_;
    std::thread thread_;
};

class Heard final : public lab::GuestEvents {
  public:
    void on_console(std::string_view bytes) override { text += bytes; }
    void on_output(std::string_view bytes) override { text += bytes; }
    void on_error(std::string_view bytes) override { text += bytes; }
    std::string text;
};

class UmCommands : public testing::Test {
  protected:
    void SetUp() override {
        kernel_ = find_kernel();
        ASSERT_FALSE(kernel_.empty());
        auto scratch = lab::Scratch::create();
        ASSERT_TRUE(scratch) << scratch.error().message();
        scratch_.emplace(std::move(*scratch));
        rig.emplace(scratch_->path());
    }
    virtual std::filesystem::path find_kernel() {
        return board_kernel("RELFENCE_BOARD_KERNEL", "baseline", RELFENCE_PROJECT);
    }
    /// What the kernel printed of RGA's version, which was read several times.
    struct Versions {
        std::size_t printed = 0, right = 0;
        std::string text;
    };
    Versions read_versions();
    /// Boots the kernel, runs a script in it and stops everything. @return all that was printed
    std::string run(const std::string& script) {
        const auto arguments = rig->start();
        EXPECT_TRUE(arguments) << arguments.error().message();
        const auto init = lab::find_guest_init();
        EXPECT_TRUE(init) << init.error().message();
        lab::GuestConfig config;
        config.kernel = kernel_;
        config.init = *init;
        config.job = lab::make_guest_job({"sh", "-c", script}, "/");
        config.kernel_arguments = *arguments;
        auto guest = lab::Guest::start(std::move(config));
        EXPECT_TRUE(guest) << guest.error().message();
        Heard heard;
        const auto limit = Clock::now() + std::chrono::minutes{4};
        while (guest && !guest->end() && Clock::now() < limit)
            EXPECT_TRUE(guest->pump(heard, {}, 1000));
        EXPECT_TRUE(guest && guest->end()) << "the guest hangs";
        rig->finish();
        EXPECT_EQ(rig->error, "");
        return heard.text;
    }

    std::optional<Rig> rig;

  private:
    std::filesystem::path kernel_;
    std::optional<lab::Scratch> scratch_;
};

std::size_t count(std::string_view text, std::string_view what) {
    std::size_t found = 0;
    for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++found;
    return found;
}

constexpr int rounds = 5;

/// The encoder's interrupt comes while RGA's version is read, and its handler reads another
/// register, with another value.
UmCommands::Versions UmCommands::read_versions() {
    int interrupts = 0;
    rig->rga.values[rga_version_info] = 0x03210000;
    rig->vepu.values[vepu_interrupt] = 0x77770000;
    int version_reads = 0;
    rig->rga.on_read = [&](std::uint32_t offset) {
        // Not in the probe at boot: the encoder's driver is not there yet.
        if (offset == rga_version_info && ++version_reads > 2) rig->vepu_line->set(true);
    };
    rig->vepu.on_write = [&](std::uint32_t offset, std::uint32_t value) {
        if (offset != vepu_interrupt || value != 0) return;
        ++interrupts;
        rig->vepu.values[vepu_interrupt] = 0x77770000;
        rig->vepu_line->set(false);
    };
    const std::string driver = "/sys/bus/platform/drivers/rockchip-rga/";
    const std::string text =
        run(fmt::format("for i in $(seq {}); do echo {} > {}unbind; echo {} > {}bind; done", rounds,
                        rig->rga_device, driver, rig->rga_device, driver));
    // Without interrupts there is nothing to go wrong. Each probe reads the version twice.
    EXPECT_GE(interrupts, 2 * rounds);
    return {count(text, "HW Version: 0x"), count(text, "HW Version: 0x03.02"), text};
}

// Catches one message buffer for a read and for the interrupt handler that reads in the middle of
// it.
TEST_F(UmCommands, AReadReturnsItsOwnRegisterWhenAnInterruptHandlerReadsAnother) {
    const Versions versions = read_versions();
    EXPECT_EQ(versions.printed, rounds + 1U) << versions.text;
    EXPECT_EQ(versions.right, rounds + 1U) << versions.text;
}

class UmCommandsControl : public UmCommands {
  protected:
    std::filesystem::path find_kernel() override {
        return board_kernel("RELFENCE_BOARD_KERNEL_UNPATCHED", "unpatched", RELFENCE_UNPATCHED);
    }
};

TEST_F(UmCommandsControl, AReadReturnsAnothersRegisterWithoutThePatch) {
    const Versions versions = read_versions();
    EXPECT_EQ(versions.printed, rounds + 1U) << versions.text;
    EXPECT_LT(versions.right, rounds + 1U) << versions.text;
}

// Catches commands that are entered again in the middle of adding a descriptor: RGA interrupts at
// any moment while the encoder's driver writes its registers, and RGA's handler reads and writes.
TEST_F(UmCommands, NoCommandIsLostUnderInterruptsAtAnyMoment) {
    constexpr int jobs = 400;
    int started = 0;
    int interrupts = 0;
    bool high = false;
    std::mt19937 random{1};
    rig->vepu.on_write = [&](std::uint32_t offset, std::uint32_t value) {
        if (offset == vepu_encode_start && (value & vepu_encode_enable) != 0) {
            ++started;
            rig->vepu.values[vepu_interrupt] = vepu_frame_ready;
            rig->vepu_line->set(true);
        }
        if (offset == vepu_interrupt && value == 0) rig->vepu_line->set(false);
        // Between two writes, when the guest runs at once, and when it was made to wait.
        const std::uint32_t range = random() % 2 == 0 ? 4000 : 60000;
        rig->once_at(Clock::now() + std::chrono::nanoseconds{random() % range}, [&] {
            if (high) return;
            high = true;
            ++interrupts;
            rig->rga_line->set(true);
        });
    };
    rig->rga.on_write = [&](std::uint32_t offset, std::uint32_t) {
        if (offset != rga_int) return;
        high = false;
        rig->rga_line->set(false);
    };
    const std::string text = run(fmt::format(
        "d=$(grep -l vpu-enc /sys/class/video4linux/*/name) && d=${{d%/name}} && "
        "v4l2-ctl -d /dev/${{d##*/}} --set-fmt-video-out=width=176,height=144,pixelformat=NM12 "
        "--set-fmt-video=pixelformat=JPEG --stream-mmap --stream-out-mmap --stream-count={} "
        ">/dev/null 2>&1; echo status $?",
        jobs));
    EXPECT_THAT(text, HasSubstr("status 0"));
    EXPECT_THAT(text, Not(HasSubstr("is not a head")));
    EXPECT_THAT(text, Not(HasSubstr("virt-pci delay")));
    EXPECT_THAT(text, Not(HasSubstr("timed out")));
    EXPECT_GE(started, jobs);
    EXPECT_GT(interrupts, jobs) << "too few interrupts to show anything";
    RecordProperty("interrupts", interrupts);
}

}  // namespace
}  // namespace relfence::board
