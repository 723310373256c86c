// SPDX-License-Identifier: MIT
// relfence check without a device: what it says, and what it does when a check does not come back.
#include <csignal>
#include <fstream>
#include <iterator>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <relfence/base/apart.hpp>

#include "checks/output.hpp"
#include "checks/run.hpp"
#include "devices/video_devices.hpp"

namespace relfence::checks {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

Section section_of(std::vector<Finding> findings) {
    Section section{"/dev/video3", "vim2m", "vim2m", "converter", "raw", {}};
    for (std::size_t i = 0; i < findings.size(); ++i)
        section.rows.push_back({&all_checks()[i], std::move(findings[i]), 5ms});
    return section;
}

TEST(ExitCode, AFailureCountsMoreThanAnError) {
    EXPECT_EQ(exit_code(count({section_of({Finding::pass("x"), Finding::skip("y")})})), 0);
    EXPECT_EQ(exit_code(count({section_of({Finding::fail("x"), Finding::error({})})})), 1);
    EXPECT_EQ(exit_code(count({section_of({Finding::pass("x"), Finding::error({})})})), 2);
}

TEST(ExitCode, AWarningIsATestThatDidNotFail) {
    EXPECT_EQ(exit_code(count({section_of({Finding::warn("x")})})), 0);
    EXPECT_EQ(exit_code(count({section_of({Finding::warn("x"), Finding::fail("y")})})), 1);
    EXPECT_EQ(exit_code(count({section_of({Finding::warn("x"), Finding::error({})})})), 2);
}

TEST(Totals, CountWarnings) {
    EXPECT_EQ(totals(count({section_of({Finding::pass("x"), Finding::warn("y")})})),
              "1 pass, 0 fail, 1 warn, 0 skip, 0 error");
    const auto json = to_json({section_of({Finding::warn("y")})}, "6.12");
    EXPECT_EQ(json["checks"][0]["verdict"], "warn");
    EXPECT_EQ(json["counts"]["warn"], 1);
}

TEST(ExitCode, NothingTestedIsNoSuccess) {
    EXPECT_EQ(exit_code(count({section_of({Finding::skip("x")})})), 77);
    EXPECT_EQ(exit_code(count({})), 77);
}

TEST(Choice, TakesPatterns) {
    EXPECT_EQ(choose({}).size(), all_checks().size());
    EXPECT_EQ(choose({"imported-*"}).size(), 3U);
    EXPECT_EQ(choose({"abort-close", "reader-fence"}).size(), 2U);
    EXPECT_TRUE(choose({"no-such"}).empty());
}

TEST(Ktap, HasEachVerdict) {
    EXPECT_EQ(
        to_ktap({section_of({Finding::pass("a #1 fence"), Finding::fail("none"),
                             Finding::skip("too fast"), Finding::error({0, "odd", "it", ""})})}),
        "KTAP version 1\n"
        "1..1\n"
        "    KTAP version 1\n"
        "    # Subtest: /dev/video3 vim2m raw\n"
        "    1..4\n"
        "    # a  1 fence\n"
        "    ok 1 in-flight-fence\n"
        "    # none\n"
        "    not ok 2 fence-signals\n"
        "    ok 3 in-flight-poll # SKIP too fast\n"
        "    # error: it: odd\n"
        "    not ok 4 shared-exports\n"
        "not ok 1 /dev/video3 vim2m raw\n");
}

TEST(Ktap, AWarningIsOk) {
    EXPECT_EQ(to_ktap({section_of({Finding::warn("a #1 flash")})}),
              "KTAP version 1\n"
              "1..1\n"
              "    KTAP version 1\n"
              "    # Subtest: /dev/video3 vim2m raw\n"
              "    1..1\n"
              "    ok 1 in-flight-fence # WARN a  1 flash\n"
              "ok 1 /dev/video3 vim2m raw\n");
}

/// A check that dies, as a process does that meets an oops, is an error and not a verdict.
TEST(Run, ACheckThatDiesIsAnError) {
    const Check killed{"killed", "", "", [](const Subject&) {
                           ::raise(SIGKILL);
                           return Finding::pass("");
                       }};
    bool stuck = true;
    const Row row = run_check(killed, {}, stuck);
    EXPECT_EQ(row.finding.verdict, Verdict::error);
    EXPECT_THAT(row.finding.text, HasSubstr("kernel's log"));
    EXPECT_FALSE(stuck);
}

TEST(Run, WhatACheckFoundComesBack) {
    const Check fine{"fine", "", "", [](const Subject&) { return Finding::fail("two\nlines"); }};
    bool stuck = true;
    const Row row = run_check(fine, {}, stuck);
    EXPECT_EQ(row.finding.verdict, Verdict::fail);
    EXPECT_EQ(row.finding.text, "two lines");
    EXPECT_FALSE(row.finding.device_busy);
    EXPECT_FALSE(stuck);
}

TEST(Run, ABusyDeviceComesBackAsSuch) {
    const Check busy{"busy", "", "", [](const Subject&) {
                         return Finding::error(devices::busy_error("/dev/video3"));
                     }};
    bool stuck = true;
    const Row row = run_check(busy, {}, stuck);
    EXPECT_EQ(row.finding.verdict, Verdict::error);
    EXPECT_EQ(row.finding.text,
              "use /dev/video3: Device or resource busy (another program has it: fuser -v "
              "/dev/video3 names it)");
    EXPECT_TRUE(row.finding.device_busy);
}

TEST(Apart, KillsWhatTakesTooLong) {
    const auto apart = run_apart(
        [] {
            ::pause();
            return std::string{"late"};
        },
        1ms, 10s);
    ASSERT_TRUE(apart);
    EXPECT_FALSE(apart->said);
    EXPECT_TRUE(apart->ended);
    EXPECT_EQ(apart->signal, SIGKILL);
}

TEST(Apart, TakesNoMoreThanAPipe) {
    const auto apart = run_apart([] { return std::string(100'000, 'x'); }, 10s, 10s);
    ASSERT_TRUE(apart && apart->said);
    EXPECT_EQ(apart->said->size(), 4096U);
}

/// Each check has its page.
TEST(Catalogue, HasEveryCheck) {
    std::ifstream file{RELFENCE_DOCS "/checks.md"};
    const std::string text{std::istreambuf_iterator<char>{file}, {}};
    for (const Check& check : all_checks())
        EXPECT_THAT(text, HasSubstr(std::string{"\n## "} + check.name + "\n")) << check.name;
}

TEST(Devices, RefusesWhatIsNoMem2memDevice) {
    EXPECT_THAT(devices::open_mem2mem("/dev/null").error().message(),
                HasSubstr("/dev/null: is no video device"));
    EXPECT_THAT(devices::open_mem2mem("/dev/video-not-there").error().message(),
                HasSubstr("is not there"));
}

TEST(Devices, WritesAFourcc) {
    EXPECT_EQ(devices::fourcc_text(0x38504656), "VFP8");
    EXPECT_EQ(devices::fourcc_text(0x20203859), "Y8");
    EXPECT_EQ(devices::fourcc_text(0x01010101), "....");
}

}  // namespace
}  // namespace relfence::checks
