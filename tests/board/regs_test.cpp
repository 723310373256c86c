// SPDX-License-Identifier: MIT
#include <array>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <relfence/regs/register_bank.hpp>

namespace {

using relfence::regs::Access;
using relfence::regs::Field;
using relfence::regs::Register;
using relfence::regs::RegisterBank;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::array registers{
    Register{"ID", 0x0, 0x67312688},   Register{"CTRL", 0x4, 0x30}, Register{"STATUS", 0x8},
    Register{"ADDRESS", 0xc, 0, true}, Register{"MODE", 0x10},
};
constexpr std::array fields{
    Field{"id", 0x0, 0, 32, Access::ro},
    Field{"start", 0x4, 0, 1, Access::w1p},
    Field{"mode", 0x4, 4, 4},
    Field{"key", 0x4, 16, 8, Access::wo},
    Field{"done", 0x8, 0, 1, Access::w1c},
    Field{"irq", 0x8, 8, 1, Access::w0c},
    Field{"error", 0x8, 12, 1, Access::w0c},
    Field{"offset", 0x10, 3, 5},
};
constexpr Field start = fields[1], mode = fields[2], key = fields[3], done = fields[4],
                irq = fields[5], error_bit = fields[6], offset = fields[7];

struct Regs : testing::Test {
    RegisterBank bank{"dev", 0x20, registers, fields};
    std::vector<std::string> reports;
    Regs() {
        bank.on_unknown([this](const std::string& text) { reports.push_back(text); });
    }
};

TEST_F(Regs, StartWithTheirResetValues) {
    EXPECT_EQ(bank.read(0x0), 0x67312688U);
    EXPECT_EQ(bank.get(mode), 3U);
}

TEST_F(Regs, ReadOnlyFieldsKeepTheirValue) {
    bank.write(0x0, 0);
    EXPECT_EQ(bank.read(0x0), 0x67312688U);
}

TEST_F(Regs, APlainRegisterTakesAll32Bits) {
    bank.write(0xc, 0xdeadbeef);
    EXPECT_EQ(bank.read(0xc), 0xdeadbeefU);
}

TEST_F(Regs, AWrittenFieldLeavesItsNeighbours) {
    bank.write(0x4, 0x50);
    EXPECT_EQ(bank.get(mode), 5U);
    bank.put(mode, 0xff);  // more than fits
    EXPECT_EQ(bank.value(0x4), 0xf0U);
}

TEST_F(Regs, WriteOnlyIsKeptAndHidden) {
    bank.write(0x4, 0xab0000);
    EXPECT_EQ(bank.read(0x4), 0U);
    EXPECT_EQ(bank.get(key), 0xabU);
}

TEST_F(Regs, APulseIsNeverStored) {
    bank.write(0x4, 0x1);
    EXPECT_EQ(bank.get(start), 0U);
    EXPECT_THAT(reports, IsEmpty());
}

TEST_F(Regs, WriteOneClears) {
    bank.set(0x8, 0x1);
    bank.write(0x8, 0x0);
    EXPECT_EQ(bank.get(done), 1U);
    bank.write(0x8, 0x1);
    EXPECT_EQ(bank.get(done), 0U);
}

// hantro acknowledges an interrupt by writing 0; a written 1 must not set what the device did not.
TEST_F(Regs, WriteZeroClearsAndWriteOneDoesNotSet) {
    bank.write(0x8, 0x1100);
    EXPECT_EQ(bank.get(irq), 0U);
    bank.set(0x8, 0x1100);
    bank.write(0x8, 0x1000);
    EXPECT_EQ(bank.get(irq), 0U);
    EXPECT_EQ(bank.get(error_bit), 1U);
}

TEST_F(Regs, ResetPutsEverythingBack) {
    bank.write(0x4, 0x50);
    bank.write(0xc, 1);
    bank.reset();
    EXPECT_EQ(bank.value(0x4), 0x30U);
    EXPECT_EQ(bank.value(0xc), 0U);
}

TEST_F(Regs, SignedFieldsAreExtended) {
    bank.put(offset, 0x1f);
    EXPECT_EQ(bank.get_signed(offset), -1);
    bank.put(offset, 0x0f);
    EXPECT_EQ(bank.get_signed(offset), 15);
    bank.set(0xc, 0x80000000);
    EXPECT_EQ(bank.get_signed({"all", 0xc, 0, 32}), std::numeric_limits<std::int32_t>::min());
}

TEST_F(Regs, UnknownRegistersReadAsZeroAndAreReportedOnce) {
    EXPECT_EQ(bank.read(0x14), 0U);
    EXPECT_EQ(bank.read(0x14), 0U);
    bank.write(0x14, 0x1);
    bank.write(0x14, 0x2);
    EXPECT_THAT(reports, ElementsAre("dev: read of unknown register 0x014",
                                     "dev: write 0x1 to unknown register 0x014"));
    EXPECT_EQ(bank.read(0x14), 0U);
}

// Neither may reach outside of the cells: a guest chooses the offset.
TEST_F(Regs, OffsetsBeyondTheBlockOrUnalignedAreUnknown) {
    EXPECT_EQ(bank.read(0x20), 0U);
    bank.write(0xfffffffc, 1);
    EXPECT_EQ(bank.read(0x1), 0U);
    bank.write(0x6, 0xff);
    EXPECT_EQ(bank.value(0x4), 0x30U);
    EXPECT_EQ(reports.size(), 4U);
}

TEST_F(Regs, BitsThatNoFieldCoversAreReportedByName) {
    bank.write(0x10, 0xf8);
    EXPECT_THAT(reports, IsEmpty());
    bank.write(0x10, 0x1f8);
    bank.write(0x10, 0x1f8);
    ASSERT_EQ(reports.size(), 1U);
    EXPECT_THAT(reports[0], HasSubstr("MODE"));
    EXPECT_THAT(reports[0], HasSubstr("bits 0x100 "));
}

TEST_F(Regs, AViewMakesItsBitsKnown) {
    constexpr std::array view{Field{"vp8_mode", 0x10, 8, 1}};
    bank.add_view(view);
    bank.write(0x10, 0x1f8);
    EXPECT_THAT(reports, IsEmpty());
    EXPECT_EQ(bank.get(view[0]), 1U);
}

TEST_F(Regs, ACopyIsASnapshot) {
    const RegisterBank copy = bank;
    bank.write(0xc, 7);
    EXPECT_EQ(copy.value(0xc), 0U);
}

TEST_F(Regs, NamesComeFromTheTable) {
    EXPECT_EQ(bank.name_of(0x8), "STATUS");
    EXPECT_EQ(bank.name_of(0x1c), "unknown");
    EXPECT_EQ(bank.name_of(0x1000), "unknown");
}

}  // namespace
