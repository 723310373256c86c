// SPDX-License-Identifier: MIT
#include <ostream>

#include <gtest/gtest.h>

#include <relfence/lab/console_log.hpp>

namespace relfence::lab {
namespace {

struct Sample {
    const char* line;
    std::optional<FindingKind> kind;
};

void PrintTo(const Sample& sample, std::ostream* out) {
    *out << sample.line;
}

class ClassifyLine : public testing::TestWithParam<Sample> {};

// Catches a trouble that is taken for an ordinary line, or for another kind of trouble.
TEST_P(ClassifyLine, KnowsTheKernelsWords) {
    EXPECT_EQ(classify_line(GetParam().line), GetParam().kind) << GetParam().line;
}

INSTANTIATE_TEST_SUITE_P(
    Linux612, ClassifyLine,
    testing::Values(
        Sample{"[    1.230000] Kernel panic - not syncing: Kernel mode fault at addr 0x20, ip 0x60",
               FindingKind::oops},
        Sample{"Kernel panic - not syncing: Segfault with no mm", FindingKind::oops},
        Sample{"BUG: kernel NULL pointer dereference, address: 0000000000000020",
               FindingKind::oops},
        Sample{"Oops: general protection fault, probably for non-canonical address",
               FindingKind::oops},
        Sample{"Kernel panic - not syncing: BUG!", FindingKind::panic},
        Sample{"BUG: failure at drivers/dma-buf/dma-resv.c:288/dma_resv_add_fence()!",
               FindingKind::panic},
        Sample{"kernel BUG at drivers/dma-buf/dma-resv.c:288!", FindingKind::panic},
        Sample{"BUG: KASAN: slab-use-after-free in dma_fence_signal", FindingKind::panic},
        Sample{"WARNING: possible circular locking dependency detected",
               FindingKind::lockdep_splat},
        Sample{"WARNING: inconsistent lock state", FindingKind::lockdep_splat},
        Sample{"WARNING: possible recursive locking detected", FindingKind::lockdep_splat},
        Sample{"WARNING: suspicious RCU usage", FindingKind::lockdep_splat},
        Sample{"BUG: sleeping function called from invalid context at kernel/locking/mutex.c:585",
               FindingKind::lockdep_splat},
        Sample{"DEBUG_LOCKS_WARN_ON(lock->magic != lock)", FindingKind::lockdep_splat},
        Sample{"turning off the locking correctness validator.", FindingKind::lockdep_splat},
        Sample{"INFO: task relfence-cases:33 blocked for more than 10 seconds.",
               FindingKind::hung_task},
        Sample{"WARNING: CPU: 0 PID: 1 at drivers/media/v4l2-core/v4l2-ioctl.c:1",
               FindingKind::warning},
        // Ordinary lines, among them ones with words of the above.
        Sample{"[    0.000000] Lock dependency validator: Copyright (c) 2006 Red Hat",
               std::nullopt},
        Sample{"[    0.000000] ... MAX_LOCKDEP_SUBCLASSES:  8", std::nullopt},
        Sample{"[    0.230000] Kernel command line: mem=256M panic=-1", std::nullopt},
        Sample{"[    0.230000] relfence: case oops/panic: BUG: of a program", std::nullopt},
        Sample{"", std::nullopt}));

TEST(ConsoleLog, BlamesTheCellThatWasRunning) {
    ConsoleLog log;
    log.feed("[ 0.1] WARNING: CPU: 0 PID: 1 at boot\n[ 0.2] relfence: case poll/vim2m\nfine\n");
    log.feed("[ 0.3] relfence: case imported-heap/vicodec\n");
    log.feed("[ 0.4] Kernel panic - not syncing: Kernel mode fault at addr 0x20\n");

    ASSERT_EQ(log.marks().size(), 2U);
    EXPECT_EQ(log.running(), (CellId{"imported-heap", "vicodec"}));
    EXPECT_EQ(log.worst(CellId{"poll", "vim2m"}), nullptr);
    ASSERT_NE(log.worst(std::nullopt), nullptr);
    EXPECT_EQ(log.worst(std::nullopt)->kind, FindingKind::warning);
    const Finding* oops = log.worst(CellId{"imported-heap", "vicodec"});
    ASSERT_NE(oops, nullptr);
    EXPECT_EQ(oops->kind, FindingKind::oops);
    EXPECT_EQ(oops->number, 5U);
    EXPECT_EQ(oops->line, "Kernel panic - not syncing: Kernel mode fault at addr 0x20");
}

// Catches a reader that takes a piece for a line: pipes cut anywhere.
TEST(ConsoleLog, DoesNotCareWhereTheStreamIsCut) {
    const std::string text = "[ 0.2] relfence: case a/b\n[ 0.3] WARNING: inconsistent lock state\n";
    ConsoleLog log;
    for (const char c : text) log.feed({&c, 1});
    ASSERT_EQ(log.findings().size(), 1U);
    EXPECT_EQ(log.findings()[0].cell, (CellId{"a", "b"}));
}

// A dying kernel does not end its last line.
TEST(ConsoleLog, LastLineWithoutNewlineCountsOnceFinished) {
    ConsoleLog log;
    log.feed("Kernel panic - not syncing: BUG!");
    EXPECT_TRUE(log.findings().empty());
    log.finish();
    EXPECT_EQ(log.findings().size(), 1U);
}

TEST(ConsoleLog, TheGravestOfSeveralFindingsCounts) {
    ConsoleLog log;
    log.feed(
        "relfence: case a/b\nWARNING: CPU: 0\nKernel panic - not syncing: BUG!\n"
        "INFO: task x:1 blocked for more than 10 seconds.\n");
    ASSERT_NE(log.worst(CellId{"a", "b"}), nullptr);
    EXPECT_EQ(log.worst(CellId{"a", "b"})->kind, FindingKind::panic);
}

// Catches what the hardware saw in one cell being told of its neighbour: the kernel's clock may be
// ahead of the board's.
TEST(ConsoleLog, KnowsWhichCellRanAtATime) {
    using std::chrono::milliseconds;
    ConsoleLog log;
    log.feed("[    0.140000] relfence: case a/d\n[    0.620000] relfence: case b/d\n");
    EXPECT_EQ(log.running_at(milliseconds{20}), std::nullopt);
    EXPECT_EQ(log.running_at(milliseconds{130}), (CellId{"a", "d"}));
    EXPECT_EQ(log.running_at(milliseconds{520}), (CellId{"a", "d"}));
    EXPECT_EQ(log.running_at(milliseconds{605}), (CellId{"b", "d"}));
    EXPECT_EQ(log.running_at(milliseconds{60'000}), (CellId{"b", "d"}));
}

TEST(Timestamp, IsWhatTheKernelPutsInFront) {
    EXPECT_EQ(timestamp("[    1.230000] x"), std::chrono::milliseconds{1230});
    EXPECT_EQ(timestamp("[drm] ready"), std::nullopt);
    EXPECT_EQ(timestamp("relfence"), std::nullopt);
}

TEST(WithoutTimestamp, LeavesOtherBracketsAlone) {
    EXPECT_EQ(without_timestamp("[    0.230000]     ok 1 x\r"), "    ok 1 x");
    EXPECT_EQ(without_timestamp("[drm] ready"), "[drm] ready");
    EXPECT_EQ(without_timestamp("[12"), "[12");
}

}  // namespace
}  // namespace relfence::lab
