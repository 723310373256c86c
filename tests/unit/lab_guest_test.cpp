// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sched.h>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

#include <relfence/lab/exec_session.hpp>
#include <relfence/lab/guest_frame.hpp>
#include <relfence/lab/guest_job.hpp>
#include <relfence/lab/process.hpp>
#include <relfence/lab/sandbox.hpp>

namespace relfence::lab {
namespace {

std::string every_byte() {
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
    return bytes;
}

TEST(FrameReader, GivesBackWhatWasEncodedWhereverTheStreamIsCut) {
    const std::string stream = encode_frame(FrameKind::output, every_byte()) +
                               encode_frame(FrameKind::hello) +
                               encode_frame(FrameKind::resize, 24, 80);
    FrameReader reader;
    std::vector<Frame> frames;
    for (const char c : stream) {
        reader.feed({&c, 1});
        while (auto frame = reader.next()) frames.push_back(*frame);
    }
    ASSERT_EQ(frames.size(), 3U);
    EXPECT_EQ(frames[0].payload, every_byte());
    EXPECT_EQ(frames[1].kind, FrameKind::hello);
    EXPECT_EQ(frame_number(frames[2]), 24U);
    EXPECT_EQ(frame_number(frames[2], 1), 80U);
    EXPECT_EQ(frame_number(frames[2], 2), std::nullopt);
    EXPECT_FALSE(reader.broken());
}

// A peer that is not relfence-init must not make the lab wait for, or allocate, gigabytes.
TEST(FrameReader, RefusesUnknownKindsAndHugeFrames) {
    FrameReader unknown;
    unknown.feed("login: ");
    EXPECT_EQ(unknown.next(), std::nullopt);
    EXPECT_TRUE(unknown.broken());

    FrameReader huge;
    huge.feed(std::string{"O\xff\xff\xff\x7f", 5});
    EXPECT_EQ(huge.next(), std::nullopt);
    EXPECT_TRUE(huge.broken());
    huge.feed(encode_frame(FrameKind::hello));
    EXPECT_EQ(huge.next(), std::nullopt) << "it never guesses where the next frame starts";
}

TEST(GuestJob, AnyByteButNulPasses) {
    GuestJob job;
    job.arguments = {"printf", "a=b\nc", "", "\xff\xfe"};
    job.environment = {"A=1\n2", "EMPTY="};
    job.directory = "/some where";
    job.mounts = {{"/tmp/in", false}, {"/tmp/out", true}};
    job.terminal = true;
    job.rows = 50;
    job.columns = 132;
    EXPECT_EQ(decode_job(encode_job(job)), job);
}

TEST(GuestJob, MalformedBytesAreRefused) {
    EXPECT_EQ(decode_job(""), std::nullopt);
    EXPECT_EQ(decode_job(std::string{"argument=x"}), std::nullopt) << "no end";
    EXPECT_EQ(decode_job(std::string{"argument=x\0nonsense=1\0", 22}), std::nullopt);
    EXPECT_EQ(decode_job(std::string{"argument=x\0rows=many\0", 21}), std::nullopt);
    EXPECT_EQ(decode_job(std::string{"rows=1\0", 7}), std::nullopt) << "no command";
}

TEST(MakeGuestJob, ShowsWhatTheGuestsOwnTmpWouldHide) {
    const auto directory = std::filesystem::temp_directory_path();
    ASSERT_EQ(directory, "/tmp") << "this test is about /tmp";
    char name[] = "/tmp/relfence-test.XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    const GuestJob job = make_guest_job({"cat", name, "/etc/passwd", "/tmp/does-not-exist"}, "/");
    std::filesystem::remove(name);
    ASSERT_EQ(job.mounts.size(), 1U);
    EXPECT_EQ(job.mounts[0], (GuestMount{name, false}));
}

TEST(Sandboxed, OnlyTheNamedDirectoriesAreWritable) {
    const auto command = sandboxed({{"/scratch"}, "/"}, {"linux", "mem=1"});
    const auto has = [&](std::vector<std::string> part) {
        return std::search(command.begin(), command.end(), part.begin(), part.end()) !=
               command.end();
    };
    EXPECT_TRUE(has({"--ro-bind", "/", "/"}));
    EXPECT_TRUE(has({"--bind", "/scratch", "/scratch"}));
    EXPECT_TRUE(has({"--cap-drop", "ALL"}));
    EXPECT_TRUE(has({"--die-with-parent"}));
    EXPECT_TRUE(has({"--", "linux", "mem=1"}));
    EXPECT_EQ(std::count(command.begin(), command.end(), "--bind"), 1);
}

std::vector<std::size_t> own_processors() {
    cpu_set_t set;
    CPU_ZERO(&set);
    EXPECT_EQ(::sched_getaffinity(0, sizeof set, &set), 0);
    std::vector<std::size_t> result;
    for (std::size_t i = 0; i < CPU_SETSIZE; ++i)
        if (CPU_ISSET(i, &set)) result.push_back(i);
    return result;
}

TEST(Processors, AThreadStaysOnTheOneThatIsItsOwn) {
    const std::vector<std::size_t> allowed = own_processors();
    for (std::size_t i = 0; i < 2 * allowed.size(); ++i)
        std::thread{[&] {
            stay_on_one_processor(i);
            EXPECT_EQ(own_processors(), std::vector<std::size_t>{allowed[i % allowed.size()]});
        }}.join();
    EXPECT_EQ(own_processors(), allowed);
}

TEST(Nice, CountsForTheProgramAndForItsSession) {
    CommandOptions options;
    options.spawn.nice = 12;
    const std::string output =
        run_command({"sh", "-c", "nice; cat /proc/self/autogroup 2>&-"}, options).value().output;
    EXPECT_TRUE(output.starts_with("12\n")) << output;
    // Who is not root may do it but ten times a second, all together.
    if (::geteuid() == 0 && output.find("/autogroup") != std::string::npos) {
        EXPECT_TRUE(output.ends_with(" nice 12\n")) << output;
    }
    EXPECT_FALSE(run_command({"nice"}).value().output.starts_with("12\n"));
}

TEST(Interrupts, StopEndsACommandThatRunsInAnotherThread) {
    const auto interrupts = Interrupts::create_within(nullptr).value();
    EXPECT_FALSE(interrupts.pending());
    CommandOptions options;
    options.interrupts = &interrupts;
    options.line = [&](std::string_view) { interrupts.stop(); };
    Result<CommandResult> result;
    std::thread{[&] {
        result = run_command({"sh", "-c", "echo here; exec sleep 1000"}, options);
    }}.join();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, EINTR);
    EXPECT_TRUE(interrupts.pending());
}

TEST(Interrupts, WithinOthersEndWithThemAndNotTheOtherWayRound) {
    const auto outer = Interrupts::create_within(nullptr).value();
    const auto one = Interrupts::create_within(&outer).value();
    const auto other = Interrupts::create_within(&outer).value();
    one.stop();
    EXPECT_TRUE(one.pending());
    EXPECT_FALSE(other.pending());
    EXPECT_FALSE(outer.pending());
    outer.stop();
    EXPECT_TRUE(other.pending());
}

}  // namespace
}  // namespace relfence::lab
