// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <relfence/lab/ktap.hpp>

namespace relfence::lab {
namespace {

using testing::ElementsAre;

// As Linux 6.12 prints it.
constexpr const char* console = R"([    0.230000] KTAP version 1
[    0.230000] 1..3
[    0.230000]     KTAP version 1
[    0.230000]     # Subtest: videobuf2-fence
[    0.230000]     # module: videobuf2_fence_test
[    0.230000]     1..4
[    0.230000]     ok 1 life
[    0.230000]     # planes: EXPECTATION FAILED at drivers/media/x.c:1
[    0.230000]     not ok 2 planes
[    0.230000] some other driver says something
[    0.230000]         KTAP version 1
[    0.230000]         # Subtest: errors
[    0.230000]         ok 1 eio
[    0.230000]         not ok 2 ecanceled
[    0.230000]         ok 3 etimedout
[    0.230000]     # errors: pass:2 fail:1 skip:0 total:3
[    0.230000]     not ok 3 errors
[    0.230000]     ok 4 log # SKIP only useful when debugfs is enabled
[    0.230000] # videobuf2-fence: pass:1 fail:2 skip:1 total:4
[    0.230000] not ok 1 videobuf2-fence
[    0.230000]     KTAP version 1
[    0.230000]     # Subtest: kunit_fault
[    0.230000]     1..0
[    0.230000] ok 2 kunit_fault # SKIP
[    0.230000]     KTAP version 1
[    0.230000]     # Subtest: third
[    0.230000]     1..2
[    0.230000]     ok 1 one
[    0.230000] Kernel panic - not syncing: BUG!
)";

TEST(ParseKunit, CountsTestsAndParametersOfEachSuite) {
    const auto suites = parse_kunit(console);
    ASSERT_EQ(suites.size(), 3U);
    EXPECT_EQ(suites[0].name, "videobuf2-fence");
    EXPECT_EQ(suites[0].summary(), "3 passed, 2 failed, 1 skipped");
    EXPECT_THAT(suites[0].failures, ElementsAre("planes", "ecanceled"));
    EXPECT_TRUE(suites[1].skipped_whole);
}

// Catches a suite that is taken for passed since its kernel died before the bad test.
TEST(ParseKunit, ASuiteWithoutItsEndIsIncomplete) {
    const auto suites = parse_kunit(console);
    EXPECT_FALSE(suites.at(2).complete);
    EXPECT_EQ(suites.at(2).summary(), "incomplete: 1 passed, 0 failed");
}

TEST(ParseKunit, AConsoleWithoutKunitHasNoSuite) {
    EXPECT_TRUE(parse_kunit("[    0.2] ok 1 looks like one\n[    0.2] hello\n").empty());
    EXPECT_TRUE(parse_kunit("").empty());
}

Cell cell(const std::string& name, const std::string& kernel, const std::string& seen, bool ok) {
    Cell result;
    result.id = {name, "vim2m"};
    result.kernel = kernel;
    result.expected = "fence";
    result.seen = seen;
    result.ok = ok;
    result.log = "boots/x/console.log";
    return result;
}

TEST(ToKtap, OneSubtestForEachKernelAndDiagnosticsBeforeAFailure) {
    Report report;
    report.kernel_names = {"v1", "v2"};
    report.cells = {cell("poll", "v1", "stub # 1", false), cell("poll", "v2", "fence", true),
                    cell("order", "v2", "skip", true)};
    report.cells[2].verdict = Verdict::skip;
    report.cells[2].details["reason"] = "no MMAP";
    EXPECT_EQ(to_ktap(report), R"(KTAP version 1
1..2
    KTAP version 1
    # Subtest: v1
    1..1
    # expected: fence
    # seen: stub . 1
    # log: boots/x/console.log
    not ok 1 poll/vim2m
not ok 1 v1
    KTAP version 1
    # Subtest: v2
    1..2
    ok 1 poll/vim2m
    ok 2 order/vim2m # SKIP no MMAP
ok 2 v2
)");
}

}  // namespace
}  // namespace relfence::lab
