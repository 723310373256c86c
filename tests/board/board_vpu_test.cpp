// SPDX-License-Identifier: MIT
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <relfence/board/vpu.hpp>

#include "board/vpu/jpeg_registers.hpp"
#include "board/vpu/vdpu2_registers.hpp"
#include "board/vpu/vepu2_registers.hpp"
#include "board_fakes.hpp"
#include "jpeg_driver.hpp"
#include "vp8_player.hpp"
#include "vp8_streams.hpp"

namespace relfence::board {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint32_t dec_irq = 1, dec_rdy = 1 << 4, dec_bus = 1 << 5, dec_error = 1 << 12;

/// Everything but the start, as the driver's relaxed writes.
void copy_registers(const regs::RegisterBank& from, DeviceModel& to, std::uint32_t first,
                    std::uint32_t last, std::uint32_t without) {
    for (std::uint32_t at = first; at < last; at += 4)
        if (at != without && from.value(at) != 0) to.write(at, from.value(at));
}

struct Vdpu : ::testing::Test {
    testing::SteppedTimeline time;
    testing::KeptLog log;
    testing::KeptLine line;
    JobPolicy policy;
    vpu::Vp8Decoder reference;
    std::unique_ptr<DeviceModel> device;

    Vdpu() { policy.duration = 16ms; }
    void make(Dma& memory) { device = make_vdpu({memory, time, log}, line, {"vdpu", policy}); }
    /// As rockchip_vpu2_vp8_dec_run() ends.
    void program(const regs::RegisterBank& registers) {
        const std::uint32_t flags = registers.value(0xe4) & ~1U;
        copy_registers(registers, *device, 0xc8, 0x27c, 0xe4);
        device->write(0xe4, flags);
        device->write(0xe4, device->read(0xe4) | 1);
    }
    /// Gives the programmed registers and memory of a key frame to @p check.
    void with_key_frame(
        const std::function<void(regs::RegisterBank&, relfence::testing::PlainMemory&,
                                 const relfence::testing::Vp8Buffers&)>& check) {
        relfence::testing::Vp8Wish wish;
        wish.frames = 1;
        relfence::testing::Vp8Player player{reference};
        bool checked = false;
        player.tamper_with([&](regs::RegisterBank& registers, auto& memory, const auto& buffers) {
            make(memory);
            regs::RegisterBank copy = registers;
            check(copy, memory, buffers);
            device.reset();
            checked = true;
        });
        ASSERT_TRUE(player.play(relfence::testing::encode_vp8(wish)[0]));
        ASSERT_TRUE(checked);
    }
};

TEST_F(Vdpu, DecodesAPictureAndInterrupts) {
    std::vector<std::byte> picture;
    const auto size = std::size_t{176} * 144 * 3 / 2;
    std::vector<std::byte> expected;
    with_key_frame([&](auto& registers, auto& memory, const auto& buffers) {
        program(registers);
        EXPECT_EQ(device->read(0xe4) & 1, 1U);
        time.advance_to(8ms);
        const auto output = memory.at(buffers.output, size);
        EXPECT_NE(output.front(), std::byte{0});
        EXPECT_EQ(output.back(), std::byte{0});  // half of it
        EXPECT_FALSE(line.high);
        time.advance_to(16ms);
        EXPECT_TRUE(line.high);
        EXPECT_EQ(device->read(0xdc), dec_rdy | dec_irq);
        EXPECT_EQ(device->read(0xe4) & 1, 0U);
        picture.assign(output.begin(), output.end());
        device->write(0xdc, 0);
        EXPECT_FALSE(line.high);
        EXPECT_EQ(device->read(0xdc), 0U);
        std::ranges::fill(output, std::byte{0});
        const auto writes = reference.decode(registers, memory);
        ASSERT_TRUE(writes);
        expected.resize(size);
        for (const auto& write : *writes)
            if (write.address >= buffers.output && write.address < buffers.output + size)
                std::ranges::copy(
                    write.bytes,
                    expected.begin() + static_cast<std::ptrdiff_t>(write.address - buffers.output));
    });
    EXPECT_EQ(picture, expected);
    EXPECT_THAT(log.bugs, IsEmpty());
}

TEST_F(Vdpu, ABadAddressIsABusErrorAndADriversBug) {
    with_key_frame([&](auto& registers, auto&, const auto&) {
        registers.set(0xfc, 0x1000);
        program(registers);
        time.advance_to(1s);
        EXPECT_EQ(device->read(0xdc), dec_bus | dec_irq);
        EXPECT_TRUE(line.high);
    });
    EXPECT_EQ(log.bugs.size(), 1U);
}

TEST_F(Vdpu, AModeThatIsNotModelledEndsWithAnError) {
    with_key_frame([&](auto& registers, auto&, const auto&) {
        registers.set(0xd4, 15);
        program(registers);
        time.advance_to(1s);
        EXPECT_EQ(device->read(0xdc), dec_error | dec_irq);
    });
    EXPECT_THAT(log.events, Contains(HasSubstr("sw_dec_mode 15")));
}

// rockchip_vpu2_dec_reset(), from the driver's watchdog.
TEST_F(Vdpu, TheDriversResetAbortsAndTheNextJobInterrupts) {
    policy.faults = {{1, Fault::hang}};
    with_key_frame([&](auto& registers, auto&, const auto&) {
        program(registers);
        time.advance_to(2s);
        EXPECT_FALSE(line.high);
        device->write(0xdc, 2);
        device->write(0xe4, 0);
        device->write(0xe8, 1);
        EXPECT_THAT(log.events, Contains("vdpu: job 1 aborted"));
        EXPECT_EQ(device->read(0xdc), 0U);
        program(registers);
        time.advance_to(3s);
        EXPECT_TRUE(line.high);
    });
}

TEST_F(Vdpu, TheDisableBitKeepsTheLineLow) {
    with_key_frame([&](auto& registers, auto&, const auto&) {
        device->write(0xdc, 2);
        program(registers);
        time.advance_to(1s);
        EXPECT_EQ(device->read(0xdc), dec_rdy | dec_irq | 2);
        EXPECT_FALSE(line.high);
    });
}

TEST_F(Vdpu, ASpuriousInterruptHasNoStatusAndIsAcknowledgedAsAny) {
    policy.fault = Fault::spurious;
    with_key_frame([&](auto& registers, auto&, const auto&) {
        program(registers);
        time.advance_to(8ms);
        EXPECT_TRUE(line.high);
        EXPECT_EQ(device->read(0xdc), 0U);
        device->write(0xdc, 0);
        EXPECT_FALSE(line.high);
        time.advance_to(1s);
        EXPECT_TRUE(line.high);
        EXPECT_EQ(line.edges, 2);
    });
}

// It must look like the end of the job that was started meanwhile, and not stop it.
TEST_F(Vdpu, AnInterruptAfterTheResetComesInTheNextJob) {
    policy.faults = {{1, Fault::late_interrupt}};
    with_key_frame([&](auto& registers, auto&, const auto&) {
        program(registers);
        time.advance_to(2s);
        device->write(0xe4, 0);
        device->write(0xe8, 1);
        program(registers);
        time.advance_to(2s + 8ms);
        EXPECT_TRUE(line.high);
        EXPECT_EQ(device->read(0xdc), dec_rdy | dec_irq);
        EXPECT_EQ(device->read(0xe4) & 1, 1U);
        device->write(0xdc, 0);
        time.advance_to(3s);
        EXPECT_TRUE(line.high);
    });
}

TEST_F(Vdpu, UnknownRegistersAreADriversBug) {
    PlainDma memory{4096};
    make(memory);
    device->write(0x300, 1);
    EXPECT_EQ(device->read(0x300), 0U);
    EXPECT_EQ(log.bugs.size(), 2U);
}

struct Vepu : ::testing::Test {
    PlainDma memory{1 << 20};
    testing::SteppedTimeline time;
    testing::KeptLog log;
    testing::KeptLine line;
    JobPolicy policy;
    std::unique_ptr<DeviceModel> device;
    JpegJob job;
    regs::RegisterBank registers{"driver", 0x400, vpu::jpeg::registers, vpu::jpeg::fields};

    Vepu() {
        policy.duration = 16ms;
        job.width = job.crop_width = 96;
        job.height = job.crop_height = 32;
        job.luma.fill(16);
        job.chroma.fill(16);
        for (const std::size_t size : {96U * 32U, 48U * 16U, 48U * 16U})
            job.planes.push_back(memory.allocate(size));
        job.capture_size = 0x8000;
        job.capture = memory.allocate(job.capture_size);
        program_jpeg(job, memory, registers);
    }
    void start() {
        if (!device) device = make_vepu({memory, time, log}, line, {"vepu", policy});
        // rockchip_vpu2_jpeg_enc_run() chooses the format first, without a start.
        device->write(0x19c, 0x20);
        copy_registers(registers, *device, 0, 0x400, 0x19c);
        device->write(0x19c, registers.value(0x19c) | 1);
    }
};

TEST_F(Vepu, EncodesAndTellsTheLengthInBits) {
    start();
    time.advance_to(15ms);
    EXPECT_FALSE(line.high);
    time.advance_to(16ms);
    EXPECT_TRUE(line.high);
    EXPECT_EQ(device->read(0x1b4), 0x3U);
    const std::uint32_t bits = device->read(0xd4);
    ASSERT_GT(bits, 16U);
    const auto scan = memory.at(job.capture + jpeg_header_size, bits / 8);
    EXPECT_EQ(scan[bits / 8 - 2], 0xff);  // EOI
    EXPECT_EQ(scan[bits / 8 - 1], 0xd9);
    device->write(0x1b4, 0);
    EXPECT_FALSE(line.high);
    EXPECT_EQ(device->read(0x19c) & 1, 0U);
    EXPECT_THAT(log.bugs, IsEmpty());
}

TEST_F(Vepu, ABufferThatIsTooSmallIsFull) {
    registers.set(0xd4, 8);
    start();
    time.advance_to(1s);
    EXPECT_EQ(device->read(0x1b4), 0x21U);
}

TEST_F(Vepu, ABadAddressIsABusError) {
    registers.set(0xc0, 0x1000);
    start();
    time.advance_to(1s);
    EXPECT_EQ(device->read(0x1b4), 0x11U);
    EXPECT_EQ(log.bugs.size(), 1U);
}

// rockchip_vpu2_enc_reset() leaves the interrupt disabled; see make_vepu().
TEST_F(Vepu, TheDriversResetAbortsAndTheNextJobInterrupts) {
    policy.faults = {{1, Fault::hang}};
    start();
    time.advance_to(2s);
    device->write(0x1b4, 1 << 8);
    device->write(0x19c, 0);
    device->write(0xd8, 0);
    EXPECT_THAT(log.events, Contains("vepu: job 1 aborted"));
    EXPECT_FALSE(line.high);
    start();
    time.advance_to(3s);
    EXPECT_TRUE(line.high);
    EXPECT_EQ(device->read(0x1b4), 0x3U);
}

}  // namespace
}  // namespace relfence::board
