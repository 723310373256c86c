// SPDX-License-Identifier: MIT
// Commands and page tables that are wrong: what the RGA model says about each, and that it never
// touches memory that it was not given.
#include "board/rga/rga_command.hpp"

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <relfence/regs/register_bank.hpp>

#include "board/rga/rga_mmu.hpp"
#include "board/rga/rga_pixels.hpp"
#include "board/rga/rga_registers.hpp"
#include "rga_driver.hpp"

namespace {

using namespace rga_test;
namespace rga = relfence::board::rga;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

/// What became of a command.
struct Outcome {
    std::vector<std::string> complaints;  ///< also the message of the error
    int error = 0;                        ///< errno of the step that failed
    relfence::board::MemoryWrites writes;
};

Outcome carry_out(const Command& command, const relfence::board::Dma& dma) {
    Outcome outcome;
    relfence::regs::RegisterBank bank("rga", rga::kBlockSize, rga::kRegisters, rga::kFields);
    bank.on_unknown([&](const std::string& what) { outcome.complaints.push_back(what); });
    for (std::uint32_t i = 0; i < command.size(); ++i)
        bank.write(rga::kCommandBlock + i * 4, command[i]);
    const auto failed = [&](const relfence::Error& error) {
        outcome.error = error.code;
        outcome.complaints.push_back(error.message());
        return outcome;
    };
    const auto blit = rga::decode(bank, outcome.complaints);
    if (!blit) return failed(blit.error());
    EXPECT_FALSE(rga::describe(*blit).empty());
    const auto walk = [&](const rga::Surface& s, const char* what) {
        return rga::PageMap::walk(dma, s.translation, std::span(s.planes).first(s.plane_count),
                                  what, outcome.complaints);
    };
    rga::PageMap source;
    if (!blit->fill) {
        auto walked = walk(blit->source, "source");
        if (!walked) return failed(walked.error());
        source = *walked;
    }
    const auto target = walk(blit->target, "destination");
    if (!target) return failed(target.error());
    auto writes = rga::render(*blit, dma, source, *target);
    if (!writes) return failed(writes.error());
    outcome.writes = std::move(*writes);
    return outcome;
}

class RgaCommand : public testing::Test {
  protected:
    Memory memory{1024};
    Frame in{format("NV12"), 128, 96};
    Frame out{format("BGR24"), 128, 96};
    Buffer src{memory, in};
    Buffer dst{memory, out};
    Command good = command(in, src, out, dst);

    static std::uint32_t& at(Command& c, std::uint32_t offset) { return c[(offset - 0x100) / 4]; }
    /// Carries out the command with one change.
    Outcome with(const std::function<void(Command&)>& change) {
        Command c = good;
        change(c);
        return carry_out(c, memory);
    }
};

/// The control for all below: the driver's own command has no fault.
TEST_F(RgaCommand, GoodOneHasNoComplaint) {
    const Outcome o = carry_out(good, memory);
    EXPECT_EQ(o.error, 0);
    EXPECT_THAT(o.complaints, IsEmpty());
    EXPECT_FALSE(o.writes.empty());
}

TEST_F(RgaCommand, UnmodelledFormatsFailByNumber) {
    for (const std::uint32_t code : {3U, 7U, 12U, 13U, 14U, 15U}) {
        const Outcome source = with([&](Command& c) { at(c, 0x104) = code; });
        EXPECT_EQ(source.error, EINVAL);
        EXPECT_THAT(source.complaints,
                    Contains(HasSubstr("source format " + std::to_string(code))));
        const Outcome target = with([&](Command& c) { at(c, 0x138) = code; });
        EXPECT_EQ(target.error, EINVAL);
        EXPECT_THAT(target.complaints,
                    Contains(HasSubstr("destination format " + std::to_string(code))));
    }
}

TEST_F(RgaCommand, UnmodelledModesFail) {
    for (const std::uint32_t mode : {1U, 3U, 7U, 8U}) {
        const Outcome o = with([&](Command& c) { at(c, 0x100) = mode; });
        EXPECT_EQ(o.error, EINVAL) << mode;
        EXPECT_THAT(o.complaints, Contains(HasSubstr("not modelled")));
    }
}

/// Bits that no field covers are named, and the rest of the command is carried out.
TEST_F(RgaCommand, UnmodelledBitsAreNamed) {
    const Outcome o = with([&](Command& c) { at(c, 0x150) = 1; });
    EXPECT_EQ(o.error, 0);
    EXPECT_THAT(o.complaints, Contains(HasSubstr("RGA_ALPHA_CTRL0")));
}

/// The driver's stride of a width that is not a multiple of 4 bytes is cut to one that is.
TEST_F(RgaCommand, StrideShorterThanARow) {
    const Frame narrow(format("NV12"), 34, 34);
    const Buffer buffer(memory, narrow);
    const Outcome o = carry_out(command(narrow, buffer, narrow, buffer), memory);
    EXPECT_THAT(o.complaints, Contains("source: rows of 34 bytes with a stride of 32"));
    EXPECT_THAT(o.complaints, Contains("destination: rows of 34 bytes with a stride of 32"));
}

TEST_F(RgaCommand, OddSizesAndOffsetsOfChroma) {
    Frame odd = in;
    odd.crop = {2, 2, 65, 41};
    EXPECT_THAT(carry_out(command(odd, src, out, dst), memory).complaints,
                Contains("source: 65x41 pixels are not whole chroma samples"));
    odd.crop = {3, 2, 64, 40};
    EXPECT_THAT(carry_out(command(odd, src, out, dst), memory).complaints,
                Contains(HasSubstr("source: chroma begins at an odd byte")));
}

TEST_F(RgaCommand, ScaleThatDoesNotFit) {
    EXPECT_THAT(with([&](Command& c) {
                    at(c, 0x104) |= 1U << 14;
                    at(c, 0x120) = 5;
                }).complaints,
                Contains("horizontal scale mode 1 for 128 to 128 pixels"));
    const Outcome zero = with([&](Command& c) { at(c, 0x104) |= 1U << 16; });
    EXPECT_EQ(zero.error, EINVAL);
    EXPECT_THAT(zero.complaints, Contains(HasSubstr("vertical scale factor of 0")));
    // Half as wide, but the factor of a third.
    Command c = good;
    at(c, 0x14c) = 63 | 95U << 16;
    at(c, 0x104) |= 1U << 14;
    at(c, 0x120) = 0x5556;
    EXPECT_THAT(carry_out(c, memory).complaints,
                Contains("horizontal scale factor 0x5556 for 128 to 64 pixels"));
    at(c, 0x120) = 0x8001;
    EXPECT_THAT(carry_out(c, memory).complaints, IsEmpty());
}

/// The driver allows 8192 to 34; the hardware scales by 16 at most.
TEST_F(RgaCommand, ScaleBeyondTheHardware) {
    const Frame tall(format("RGB565"), 64, 1024);
    const Frame flat(format("RGB565"), 64, 40);
    const Buffer a(memory, tall);
    const Buffer b(memory, flat);
    EXPECT_THAT(carry_out(command(tall, a, flat, b), memory).complaints,
                Contains("vertical scale of 1024 to 40 pixels, more than 16 times"));
}

TEST_F(RgaCommand, ConversionModes) {
    EXPECT_THAT(with([&](Command& c) { at(c, 0x104) &= ~(3U << 8); }).complaints,
                Contains("source conversion mode 0 from YUV420SP to RGB888"));
    EXPECT_THAT(with([&](Command& c) { at(c, 0x138) |= 1U << 16; }).complaints,
                Contains("destination conversion mode 1 from YUV420SP to RGB888"));
}

/// Beyond the end of a buffer its page table has zeroes.
TEST_F(RgaCommand, BeyondThePageTable) {
    Outcome o = with([&](Command& c) { at(c, 0x108) += 5 * 4096; });
    EXPECT_EQ(o.error, EFAULT);
    EXPECT_THAT(
        o.complaints,
        Contains(HasSubstr("source page 5 (offset 0x5000) has no entry in the page table")));
    o = with([&](Command& c) { at(c, 0x13c) += 4096; });
    EXPECT_EQ(o.error, EFAULT);
    EXPECT_THAT(
        o.complaints,
        Contains(HasSubstr("destination page 9 (offset 0x9000) has no entry in the page table")));
    EXPECT_THAT(o.writes, IsEmpty());
}

TEST_F(RgaCommand, BadPageTableEntries) {
    memory.put32(src.table() + 4, 0x1000);
    Outcome o = carry_out(good, memory);
    EXPECT_EQ(o.error, EFAULT);
    EXPECT_THAT(o.complaints,
                Contains(HasSubstr("source page 1 (offset 0x1000) is outside of memory")));
    memory.put32(src.table() + 4, static_cast<std::uint32_t>(Memory::kBase | 0x123));
    o = carry_out(good, memory);
    EXPECT_EQ(o.error, 0);
    EXPECT_THAT(o.complaints, Contains("source: the entry of page 1 is no page's address"));
}

TEST_F(RgaCommand, PageTableOutsideOfMemory) {
    const Outcome o = with([&](Command& c) { at(c, 0x178) = 0x100; });
    EXPECT_EQ(o.error, EFAULT);
    EXPECT_THAT(o.complaints, Contains(HasSubstr("page table entry outside of memory")));
}

/// A mirrored destination whose first corner is too near to the start of its address space.
TEST_F(RgaCommand, OffsetsThatWrapAround) {
    const Outcome o = with([&](Command& c) { at(c, 0x104) |= 2U << 12; });
    EXPECT_EQ(o.error, EFAULT);
    EXPECT_THAT(o.complaints,
                Contains(HasSubstr("destination plane 0 goes beyond its address space")));
}

/// Without translation the addresses are those of the bus.
TEST_F(RgaCommand, WithoutTranslation) {
    const Outcome o = with([&](Command& c) {
        at(c, 0x16c) = 0;
        at(c, 0x108) = at(c, 0x10c) = static_cast<std::uint32_t>(Memory::kBase);
        at(c, 0x13c) = static_cast<std::uint32_t>(Memory::kBase + 0x100000);
    });
    EXPECT_EQ(o.error, 0);
    ASSERT_FALSE(o.writes.empty());
    EXPECT_EQ(o.writes.front().address, Memory::kBase + 0x100000);
}

/// Several small pieces of memory, each in an allocation of its own, so that AddressSanitizer sees
/// the first byte beyond any of them.
class Islands final : public relfence::board::Dma {
  public:
    explicit Islands(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i)
            islands_.push_back(std::make_unique<std::byte[]>(kSize));
    }
    static constexpr std::uint64_t kSize = 7 * 4096;
    static constexpr std::uint64_t kStep = 16 * 4096;
    [[nodiscard]] relfence::Result<std::span<std::byte>> slice(
        std::uint64_t address, std::uint64_t length) const override {
        const std::uint64_t island = address / kStep;
        const std::uint64_t into = address % kStep;
        if (island >= islands_.size() || into > kSize || length > kSize - into)
            return tl::unexpected(relfence::Error{EFAULT, "slice", "island", {}});
        return std::span(islands_[island].get() + into, length);
    }

  private:
    std::vector<std::unique_ptr<std::byte[]>> islands_;
};

/// Random page tables and random commands: no access outside of memory (AddressSanitizer), and
/// every write that a job asks for is in memory. Half of the commands are the driver's with some
/// words or bits changed, so that many of them get as far as to the pixels.
TEST(RgaFuzz, NeverLeavesMemory) {
    std::mt19937 random(7);
    const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
    const Islands islands(8);
    int rendered = 0;
    int refused = 0;
    for (int round = 0; round < 3000; ++round) {
        // The first island holds page tables: mostly good entries.
        const auto tables = islands.slice(0, Islands::kSize);
        for (std::uint32_t i = 0; i < 64; ++i) {
            const auto at = below(Islands::kSize / 4);
            const std::uint32_t entry =
                below(20) == 0
                    ? static_cast<std::uint32_t>(random())
                    : static_cast<std::uint32_t>(below(8) * Islands::kStep + below(7) * 4096);
            std::memcpy(tables->data() + std::size_t{at} * 4, &entry, 4);
        }
        Command c{};
        if (round % 2 == 0) {
            for (auto& word : c) word = static_cast<std::uint32_t>(random());
            // Small pictures, or most of the time goes into large ones.
            c[7] &= 0x007f007f;
            c[19] &= 0x007f007f;
        } else {
            Memory memory(256);
            Frame in(kFormats[below(16)], 32 + 4 * below(20), 32 + 2 * below(20));
            Frame out(kFormats[below(16)], 32 + 4 * below(20), 32 + 2 * below(20));
            const Buffer src(memory, in);
            const Buffer dst(memory, out);
            c = command(in, src, out, dst, Controls{below(2) == 0, below(2) == 0, 90 * below(4)});
            for (std::uint32_t changes = below(4); changes > 0; --changes) {
                const std::uint32_t word = below(28);
                if (below(3) == 0)
                    c[word] = static_cast<std::uint32_t>(random());
                else
                    c[word] ^= 1U << below(32);
            }
            c[7] &= 0x00ff00ff;
            c[19] &= 0x00ff00ff;
        }
        c[28] = below(0x600);  // page tables at the start of memory, some beyond the island
        c[30] = below(0x600);
        const Outcome o = carry_out(c, islands);
        if (o.error != 0) {
            ++refused;
            EXPECT_FALSE(o.complaints.empty()) << "refused without a reason";
        } else {
            ++rendered;
        }
        for (const auto& write : o.writes)
            ASSERT_TRUE(islands.slice(write.address, write.bytes.size()));
    }
    // The test is about both kinds.
    EXPECT_GT(rendered, 100);
    EXPECT_GT(refused, 500);
}

}  // namespace
