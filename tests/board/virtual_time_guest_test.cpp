// SPDX-License-Identifier: MIT
// Virtual time with a real kernel, real drivers and stock programs in it. The kernel is the lab's
// baseline, or the `linux` whose path RELFENCE_BOARD_KERNEL is.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <relfence/board/board.hpp>
#include <relfence/board/description.hpp>
#include <relfence/lab/guest.hpp>

#include "board_kernel.hpp"

namespace relfence::board {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;

struct Ears : lab::GuestEvents {
    void on_console(std::string_view bytes) override { console += bytes; }
    void on_output(std::string_view bytes) override { output += bytes; }
    void on_error(std::string_view bytes) override { output += bytes; }
    std::string console, output;
};

/// What a run left.
struct Seen {
    std::string log, output, console;
    int status = -1;
    /// When the events that match happened, in nanoseconds.
    [[nodiscard]] std::vector<Nanoseconds> times(const std::string& pattern) const {
        std::vector<Nanoseconds> found;
        const std::regex line{R"( *(\d+)\.(\d{6}) )" + pattern};
        std::istringstream lines{log};
        for (std::string text; std::getline(lines, text);)
            if (std::smatch parts; std::regex_match(text, parts, line))
                found.push_back(std::chrono::seconds{std::stoll(parts[1])} +
                                std::chrono::microseconds{std::stoll(parts[2])});
        return found;
    }
};

/// Finds the JPEG encoder.
const std::string find_encoder =
    "for d in /dev/video*; do v4l2-ctl -d $d --info | grep -q vpu-enc && break; done >&2; ";

/// A stock program that encodes @p frames JPEGs with what find_encoder found.
std::string encode(int frames) {
    return "v4l2-ctl -d $d --set-fmt-video-out width=64,height=48 --stream-mmap --stream-out-mmap "
           "--stream-count=" +
           std::to_string(frames);
}

class VirtualTimeGuest : public ::testing::Test {
  protected:
    void SetUp() override {
        kernel = board_kernel("RELFENCE_BOARD_KERNEL", "baseline", RELFENCE_PROJECT);
        ASSERT_FALSE(kernel.empty());
    }
    /// Boots a guest with @p script on a new board, each time the same.
    Seen run(const std::string& script, BoardOptions options) {
        std::string name = (fs::path{testing::TempDir()} / "relfence-board-XXXXXX").string();
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        options.directory = name;
        options.log = name + "/events";
        auto board = Board::create(*find_board("fresnel"), options);
        Seen run;
        if (!board) {
            ADD_FAILURE() << board.error().message();
            return run;
        }
        std::thread thread{[&] {
            const auto served = (*board)->run();
            EXPECT_TRUE(served) << served.error().message();
        }};
        auto arguments = (*board)->kernel_arguments();
        if (without_option) arguments.pop_back();
        boot(script, arguments, run);
        (*board)->stop();
        thread.join();
        std::ifstream file{options.log};
        run.log.assign(std::istreambuf_iterator<char>{file}, {});
        board->reset();
        fs::remove_all(name);
        return run;
    }
    void boot(const std::string& script, const std::vector<std::string>& arguments, Seen& run) {
        lab::GuestConfig config;
        config.kernel = kernel;
        config.init = *lab::find_guest_init();
        config.job.arguments = {"sh", "-c", script};
        config.job.environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
        config.job.directory = "/";
        config.kernel_arguments = arguments;
        Ears ears;
        auto guest = lab::Guest::start(config);
        ASSERT_TRUE(guest) << guest.error().message();
        while (!guest->end()) ASSERT_TRUE(guest->pump(ears, {}, -1));
        run.output = ears.output;
        run.console = ears.console;
        run.status = guest->end()->command_status.value_or(-1);
    }
    static BoardOptions virtual_time() {
        BoardOptions options;
        options.time = Time::simulated;
        options.duration = 16ms;
        return options;
    }
    fs::path kernel;
    bool without_option = false;
};

// A clock of the host anywhere in the way would show in the last digit.
TEST_F(VirtualTimeGuest, AJobTakesExactlyItsDuration) {
    const Seen seen = run(find_encoder + encode(10), virtual_time());
    EXPECT_EQ(seen.status, 0) << seen.output << seen.console;
    const auto started = seen.times("vepu: job \\d+ started");
    const auto done = seen.times("vepu: job \\d+ done");
    ASSERT_GE(started.size(), 10U) << seen.log;
    ASSERT_EQ(done.size(), started.size());
    for (std::size_t i = 0; i < done.size(); ++i) EXPECT_EQ(done[i] - started[i], 16ms) << i;
}

// hantro waits 2 s for a job. Would that be real time, this test would take over a minute.
TEST_F(VirtualTimeGuest, AWatchdogCostsNothing) {
    BoardOptions options = virtual_time();
    options.faults.push_back({"vepu", 0, Fault::hang});
    const auto begin = std::chrono::steady_clock::now();
    const Seen seen =
        run(find_encoder + "for i in $(seq 40); do " + encode(1) + "; done; true", options);
    const auto real = std::chrono::steady_clock::now() - begin;
    const auto started = seen.times("vepu: job \\d+ started");
    const auto aborted = seen.times("vepu: job \\d+ aborted");
    ASSERT_GE(aborted.size(), 40U) << seen.output << seen.console;
    ASSERT_EQ(aborted.size(), started.size());
    for (std::size_t i = 0; i < aborted.size(); ++i) {
        EXPECT_GE(aborted[i] - started[i], 2s);
        EXPECT_LE(aborted[i] - started[i], 2s + 100ms) << "two ticks late at most";
    }
    EXPECT_GT(aborted.back(), 80s);
    RecordProperty("real_ms", static_cast<int>(real / 1ms));
    EXPECT_LT(real, aborted.back());
}

/// Six clients of two drivers at once, faults in between.
std::string busy() {
    const std::string client = encode(8);
    return find_encoder + "cd /tmp; for i in 1 2 3; do (" + client + ") >e$i 2>&1 & " +
           "v4l2-ctl -d /dev/video0 --stream-mmap --stream-out-mmap --stream-count=8 >r$i 2>&1 &" +
           " done; wait; cat e? r? | wc -c; dmesg | grep -v 'Kernel command line'";
}

TEST_F(VirtualTimeGuest, RunsAreTheSameByteForByte) {
    BoardOptions options = virtual_time();
    // The clients give up after 2 s without a frame: hang and late come near the end.
    options.faults = {{"vepu", 6, Fault::spurious},
                      {"rga", 9, Fault::spurious},
                      {"vepu", 22, Fault::hang},
                      {"rga", 22, Fault::late}};
    const Seen first = run(busy(), options);
    EXPECT_GE(first.times("(vepu|rga): job \\d+ started").size(), 40U) << first.log;
    EXPECT_THAT(first.log, HasSubstr("vepu: job 22 hangs: a fault"));
    for (int i = 2; i <= 5; ++i) {
        const Seen again = run(busy(), options);
        ASSERT_EQ(again.log, first.log) << "run " << i;
        EXPECT_EQ(again.status, first.status);
    }
}

// The control: what is compared tells runs apart where time is the host's.
TEST_F(VirtualTimeGuest, RunsInRealTimeAreNot) {
    BoardOptions options;
    options.duration = 1ms;
    const Seen first = run(find_encoder + encode(8), options);
    EXPECT_GE(first.times("vepu: job \\d+ done").size(), 8U) << first.log << first.console;
    EXPECT_NE(run(find_encoder + encode(8), options).log, first.log);
}

// Not a hang for ever without a word.
TEST_F(VirtualTimeGuest, AGuestWithoutTheOptionIsNamedInTheLog) {
    BoardOptions options = virtual_time();
    const Seen with = run("true", options);
    EXPECT_THAT(with.log, Not(HasSubstr("no job will end")));
    without_option = true;
    const Seen seen = run("true", options);
    EXPECT_THAT(seen.log, HasSubstr("no job will end: the guest was booted without time-travel="));
}

}  // namespace
}  // namespace relfence::board
