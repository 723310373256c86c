// SPDX-License-Identifier: MIT
// The RGA model as a device: registers, interrupts, resets and faults, driven as rga_probe(),
// rga_hw_start() and rga_isr() drive it.
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <relfence/board/rga.hpp>

#include "rga_driver.hpp"
#include "rga_reference.hpp"

namespace {

using namespace rga_test;
using namespace relfence::board;
using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

/// Time that passes only when a test says so.
class StepTime final : public Timeline {
  public:
    [[nodiscard]] Nanoseconds now() const override { return now_; }
    Id at(Nanoseconds when, std::function<void()> what) override {
        events_.emplace(std::make_pair(std::max(when, now_), ++last_), std::move(what));
        return last_;
    }
    void cancel(Id id) override {
        std::erase_if(events_, [&](const auto& e) { return e.first.second == id; });
    }
    void compute(std::function<void()> work, std::function<void()> done) override {
        work();
        done();
    }
    void pass(Nanoseconds time) {
        const Nanoseconds end = now_ + time;
        while (!events_.empty() && events_.begin()->first.first <= end) {
            auto event = events_.extract(events_.begin());
            now_ = event.key().first;
            event.mapped()();
        }
        now_ = end;
    }

  private:
    Nanoseconds now_{0};
    Id last_ = 0;
    std::map<std::pair<Nanoseconds, Id>, std::function<void()>> events_;
};

struct Line final : InterruptLine {
    void set(bool value) override { high = value; }
    bool high = false;
};

struct Log final : EventLog {
    void event(std::string_view, std::string_view text) override { events.emplace_back(text); }
    void driver_bug(std::string_view, std::string_view text) override { bugs.emplace_back(text); }
    std::vector<std::string> events;
    std::vector<std::string> bugs;
};

JobPolicy every_job(Fault fault) {
    JobPolicy policy;
    policy.fault = fault;
    return policy;
}

JobPolicy job(std::uint64_t number, Fault fault) {
    JobPolicy policy;
    policy.faults = {{number, fault}};
    return policy;
}

constexpr std::uint32_t kSysCtrl = 0, kCmdCtrl = 4, kCmdBase = 8, kStatus1 = 0xc, kInt = 0x10,
                        kVersion = 0x28;

/// A board with nothing but an RGA, and its driver.
class RgaDevice : public testing::Test {
  protected:
    void make(JobPolicy policy = {}) {
        if (policy.duration == 0ns) policy.duration = 10ms;
        RgaOptions options;
        options.jobs = std::move(policy);
        device = make_rga(Environment{memory, time, log}, line, options);
    }
    /// rga_hw_start()
    void start(const Command& c) {
        for (std::uint32_t i = 0; i < c.size(); ++i) memory.put32(commands + i * 4, c[i]);
        device->write(kCmdBase, static_cast<std::uint32_t>(commands));
        device->write(kSysCtrl, 0x00);
        device->write(kSysCtrl, 0x22);
        device->write(kInt, 0x600);
        device->write(kCmdCtrl, 0x1);
    }
    /// rga_isr(): what it found.
    std::uint32_t isr() {
        const std::uint32_t found = device->read(kInt) & 0xf;
        device->write(kInt, (device->read(kInt) & ~0xf0U) | found << 4);
        return found;
    }
    [[nodiscard]] bool copied() const {
        return excess(read(out, dst), read(in, src), {0, 0, 0, 0}) <= 0;
    }

    Memory memory{512};
    StepTime time;
    Line line;
    Log log;
    Frame in{format("ABGR32"), 64, 48};
    Frame out{format("ABGR32"), 64, 48};
    Buffer src{memory, in};
    Buffer dst{memory, out};
    std::uint64_t commands = memory.coherent(4096);
    Command copy = command(in, src, out, dst);
    std::unique_ptr<DeviceModel> device;

    void SetUp() override {
        std::vector<std::uint8_t> bytes(src.size());
        for (std::size_t i = 0; i < bytes.size(); ++i)
            bytes[i] = static_cast<std::uint8_t>(i * 7 + 1);
        src.fill(bytes);
    }
};

/// rga_probe() takes major and minor from it; "HW Version: 0x03.02".
TEST_F(RgaDevice, HasAVersion) {
    make();
    EXPECT_EQ(device->read(kVersion) >> 24 & 0xff, 3U);
    EXPECT_EQ(device->read(kVersion) >> 20 & 0xf, 2U);
    device->write(kVersion, 0);
    device->reset();
    EXPECT_EQ(device->read(kVersion), kRgaVersionRk3399);
}

TEST_F(RgaDevice, DoesAJob) {
    make();
    EXPECT_FALSE(copied());
    start(copy);
    EXPECT_EQ(device->read(kStatus1) & 1, 1U);
    EXPECT_FALSE(line.high);
    time.pass(20ms);
    EXPECT_TRUE(line.high);
    EXPECT_TRUE(copied());
    EXPECT_EQ(device->read(kStatus1) & 1, 0U);
    EXPECT_EQ(isr(), 0x4U);
    EXPECT_FALSE(line.high);
    EXPECT_EQ(device->read(kInt), 0x600U);
    EXPECT_THAT(log.bugs, IsEmpty());
    EXPECT_THAT(log.events, Contains(HasSubstr("ABGR8888 64x48 -> ABGR8888 64x48")));
}

/// Nobody hears of a job that nobody enabled the interrupt for, until he does.
TEST_F(RgaDevice, LineFollowsFlagsAndEnables) {
    make();
    start(copy);
    device->write(kInt, 0);
    time.pass(20ms);
    EXPECT_FALSE(line.high);
    EXPECT_EQ(device->read(kInt), 0x4U);
    device->write(kInt, 0x200);
    EXPECT_FALSE(line.high);
    device->write(kInt, 0x400);
    EXPECT_TRUE(line.high);
    device->write(kInt, 0x4);  // a flag is not cleared by its own bit
    EXPECT_EQ(device->read(kInt), 0x4U);
    device->write(kInt, 0x440);
    EXPECT_FALSE(line.high);
}

/// The hardware reads the command when it is started: what the buffer holds then counts.
TEST_F(RgaDevice, TakesTheCommandAtItsStart) {
    make();
    start(copy);
    for (std::uint32_t i = 0; i < copy.size(); ++i) memory.put32(commands + i * 4, 0);
    time.pass(20ms);
    EXPECT_TRUE(copied());
}

TEST_F(RgaDevice, WritesWhileItWorks) {
    make();
    start(copy);
    time.pass(6ms);
    const auto old = dst.bytes();
    EXPECT_NE(old[0], 0);            // the top is there
    EXPECT_EQ(old[64 * 4 * 47], 0);  // the bottom is not
    EXPECT_FALSE(line.high);
}

TEST_F(RgaDevice, ResetEndsTheJob) {
    make();
    start(copy);
    time.pass(2ms);
    device->reset();
    const auto half = dst.bytes();
    time.pass(1s);
    EXPECT_FALSE(line.high);
    EXPECT_EQ(device->read(kInt), 0U);
    EXPECT_EQ(dst.bytes(), half);
    EXPECT_FALSE(copied());
    start(copy);
    time.pass(20ms);
    EXPECT_TRUE(copied());
    EXPECT_EQ(isr(), 0x4U);
}

TEST_F(RgaDevice, SoftResetEndsTheJob) {
    make();
    start(copy);
    time.pass(2ms);
    device->write(kSysCtrl, 0x58);
    EXPECT_EQ(device->read(kStatus1) & 1, 0U);
    EXPECT_EQ(device->read(kSysCtrl), 0U);  // pulses
    time.pass(1s);
    EXPECT_FALSE(line.high);
    EXPECT_FALSE(copied());
}

TEST_F(RgaDevice, SlaveModeStartsFromTheRegisters) {
    make();
    for (std::uint32_t i = 0; i < copy.size(); ++i) device->write(0x100 + i * 4, copy[i]);
    device->write(0x100, copy[0] | 1U << 7);  // interrupt of the current command
    device->write(kSysCtrl, 0x1);
    time.pass(20ms);
    EXPECT_TRUE(line.high);
    EXPECT_TRUE(copied());
    EXPECT_EQ(isr(), 0xcU);
    EXPECT_FALSE(line.high);
}

TEST_F(RgaDevice, BadPageTableIsAnMmuInterrupt) {
    make();
    memory.put32(dst.table() + 4, 0);
    start(copy);
    time.pass(20ms);
    EXPECT_TRUE(line.high);
    EXPECT_EQ(isr(), 0x2U);
    EXPECT_FALSE(line.high);
    EXPECT_THAT(log.bugs,
                testing::ElementsAre(HasSubstr(
                    "destination page 1 (offset 0x1000) has no entry in the page table")));
    EXPECT_FALSE(copied());
}

/// The error flag is set; the driver does not enable it, and so hears nothing.
TEST_F(RgaDevice, BadCommandIsAnErrorFlag) {
    make();
    copy[1] = 0x3;
    start(copy);
    time.pass(20ms);
    EXPECT_FALSE(line.high);
    EXPECT_EQ(device->read(kInt) & 0xf, 0x1U);
    EXPECT_THAT(log.bugs, Contains(HasSubstr("source format 3 is not modelled")));
    device->write(kInt, 0x700);
    EXPECT_TRUE(line.high);
}

TEST_F(RgaDevice, CommandOutsideOfMemory) {
    make();
    device->write(kCmdBase, 0x1000);
    device->write(kSysCtrl, 0x22);
    device->write(kInt, 0x700);
    device->write(kCmdCtrl, 1);
    time.pass(20ms);
    EXPECT_TRUE(line.high);
    EXPECT_EQ(isr(), 0x1U);
    EXPECT_EQ(device->read(0x1c) & 2, 2U);  // bus error
    EXPECT_THAT(log.bugs, Contains("RGA_CMD_BASE: the command is outside of memory"));
}

TEST_F(RgaDevice, StartsThatAreWrong) {
    make();
    device->write(kCmdCtrl, 1);
    EXPECT_THAT(log.bugs, Contains(HasSubstr("without command mode")));
    device->write(kSysCtrl, 0x3);
    EXPECT_THAT(log.bugs, Contains(HasSubstr("while commands are taken from memory")));
    log.bugs.clear();
    start(copy);
    start(copy);
    EXPECT_THAT(log.bugs, testing::ElementsAre(HasSubstr("while another one runs")));
    time.pass(20ms);
    EXPECT_TRUE(copied());
}

TEST_F(RgaDevice, UnknownRegistersAreReported) {
    make();
    EXPECT_EQ(device->read(0x7fc), 0U);
    device->write(0x90, 1);
    device->write(0x14, 1);  // RGA_MMU_CTRL0: translation of commands is not modelled
    EXPECT_THAT(log.bugs, Contains(HasSubstr("0x7fc")));
    EXPECT_THAT(log.bugs, Contains(HasSubstr("0x090")));
    EXPECT_THAT(log.bugs, Contains(HasSubstr("RGA_MMU_CTRL0")));
}

TEST_F(RgaDevice, FaultHang) {
    make(every_job(Fault::hang));
    start(copy);
    time.pass(60s);
    EXPECT_FALSE(line.high);
    device->reset();
    time.pass(60s);
    EXPECT_FALSE(line.high);
}

TEST_F(RgaDevice, FaultBusErrorOfTheSecondJob) {
    make(job(2, Fault::bus_error));
    start(copy);
    time.pass(20ms);
    EXPECT_EQ(isr(), 0x4U);
    start(copy);
    time.pass(20ms);
    EXPECT_EQ(isr(), 0x2U);
    start(copy);
    time.pass(20ms);
    EXPECT_EQ(isr(), 0x4U);
}

TEST_F(RgaDevice, FaultErrorStatus) {
    make(every_job(Fault::error_status));
    start(copy);
    time.pass(20ms);
    EXPECT_EQ(isr(), 0x1U);
    EXPECT_FALSE(copied());
}

/// An interrupt without a flag: the driver finds nothing, clears nothing, and the line falls.
TEST_F(RgaDevice, FaultSpurious) {
    make(every_job(Fault::spurious));
    start(copy);
    bool seen = false;
    for (int i = 0; i < 40 && !copied(); ++i) {
        time.pass(500us);
        if (line.high && (device->read(kInt) & 0xf) == 0) {
            seen = true;
            EXPECT_EQ(isr(), 0U);
            EXPECT_FALSE(line.high);
        }
    }
    EXPECT_TRUE(seen);
    time.pass(20ms);
    EXPECT_EQ(isr(), 0x4U);
}

/// A reset that comes too late for the interrupt: its flag is there when the next job enables it.
TEST_F(RgaDevice, FaultLateInterrupt) {
    make(job(1, Fault::late_interrupt));
    start(copy);
    time.pass(2ms);
    device->reset();
    time.pass(10s);
    EXPECT_FALSE(line.high);  // nothing is enabled after a reset
    EXPECT_EQ(device->read(kInt) & 0xf, 0x4U);
    device->write(kInt, 0x600);
    EXPECT_TRUE(line.high);
}

/// The same while the next job runs: its flag is set too early, but that job goes on to its end.
TEST_F(RgaDevice, LateInterruptDoesNotStopTheNextJob) {
    make(job(1, Fault::late_interrupt));
    start(copy);
    time.pass(6ms);
    device->reset();
    start(copy);
    time.pass(6ms);
    EXPECT_TRUE(line.high);
    EXPECT_EQ(device->read(kStatus1) & 1, 1U);
    EXPECT_EQ(isr(), 0x4U);
    EXPECT_FALSE(copied());
    time.pass(20ms);
    EXPECT_EQ(isr(), 0x4U);
    EXPECT_TRUE(copied());
    EXPECT_EQ(device->read(kStatus1) & 1, 0U);
    EXPECT_THAT(log.bugs, IsEmpty());
}

/// Any writes in any order, with commands and page tables that change all the time: nothing out of
/// bounds (AddressSanitizer), no job that never ends, and after a reset it works.
TEST_F(RgaDevice, SurvivesAnything) {
    JobPolicy policy;
    policy.duration = 100us;
    make(policy);
    std::mt19937 random(5);
    const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
    const auto tables = {src.table(), dst.table()};
    int done = 0;
    for (int i = 0; i < 20000; ++i) {
        switch (below(6)) {
            case 0: {
                Command c = command(in, src, out, dst, Controls{below(2) == 0, false, 0});
                for (std::uint32_t changes = below(4); changes > 0; --changes)
                    c[below(32)] ^= 1U << below(32);
                start(c);
                break;
            }
            case 1:
                for (const auto table : tables)
                    memory.put32(table + std::uint64_t{below(16)} * 4,
                                 static_cast<std::uint32_t>(Memory::kBase + below(600) * 4096));
                break;
            case 2:
                device->write(below(0x60) * 4, static_cast<std::uint32_t>(random()));
                break;
            case 3:
                device->write(below(5) * 4, 1U << below(12));
                break;
            case 4:
                time.pass(50us * below(8));
                break;
            default:
                (void)device->read(below(0x60) * 4);
                if (isr() == 4) ++done;
        }
    }
    EXPECT_GT(done, 100);
    time.pass(1s);
    EXPECT_EQ(device->read(kStatus1) & 1, 0U);
    device->reset();
    const Buffer from(memory, in);
    const Buffer to(memory, out);
    start(command(in, from, out, to));
    time.pass(1s);
    EXPECT_EQ(isr(), 4U);
}

}  // namespace
