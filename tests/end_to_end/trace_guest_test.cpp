// SPDX-License-Identifier: MIT
// `relfence trace` on real kernels: what it says of consumers on the untouched kernel and on v2,
// its files, and what it leaves behind.
#include <regex>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "../perfetto_reader.hpp"
#include "lab_fixture.hpp"

namespace relfence::lab {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;

class TraceGuest : public LabTest {
  protected:
    TraceGuest() { std::filesystem::create_directories(share); }

    /// Runs a script in a guest; it starts in a directory that it shares with the test. $RELFENCE
    /// and $CLIENT are the programs.
    [[nodiscard]] CommandResult guest(const std::string& kernel, const std::string& script,
                                      bool board = false) const {
        std::vector<std::string> command{RELFENCE_LAB, "exec",         "--kernel", kernel,
                                         "--share",    share.string(), "-t",       "280"};
        if (board)
            command.insert(command.end(), {"--board", "fresnel", "--board-arg=--duration=30ms"});
        command.insert(command.end(), {"--", "sh", "-c",
                                       fmt::format("cd {}; RELFENCE={} CLIENT={} CASES={}; {}",
                                                   share.string(), RELFENCE_TRACER,
                                                   RELFENCE_TRACE_CLIENT, RELFENCE_CASES, script)});
        CommandOptions options;
        options.spawn.directory = root.string();
        options.spawn.extra = {{"TMPDIR", (root / "tmp").string()}};
        return run_command(command, options).value();
    }
    [[nodiscard]] json file(const std::string& name) const {
        return json::parse(get("share/" + name), nullptr, false);
    }
    /// The findings of one verdict.
    static std::vector<json> of(const json& trace, const std::string& verdict) {
        std::vector<json> found;
        for (const json& finding : trace["findings"])
            if (finding["verdict"] == verdict) found.push_back(finding);
        return found;
    }
    static std::size_t wrong(const json& trace) {
        std::size_t count = 0;
        for (const json& finding : trace["findings"]) count += finding["wrong"] ? 1U : 0U;
        return count;
    }

    const std::filesystem::path share = root / "share";
};

/// A driver, and whether it needs the modelled board.
struct Driver {
    const char* name;
    bool board;
};

class TraceReader : public TraceGuest, public testing::WithParamInterface<Driver> {};

// A consumer that reads each frame as soon as the kernel lets it. On the untouched kernel that is
// too early, 12 times of 12 unless the machine is so slow that a job ends before its frame is read;
// on v2 it waits.
TEST_P(TraceReader, ReadsTooEarlyOnlyWithoutFences) {
    const auto [driver, board] = GetParam();
    const std::string script = fmt::format(
        "$RELFENCE trace --json -- $CLIENT read {} 12 $KERNEL.early > $KERNEL.json", driver);
    const auto before = guest("baseline", "KERNEL=baseline; " + script, board);
    EXPECT_EQ(exit_code(before), 1) << before.error;
    const json untouched = file("baseline.json");
    const auto early = of(untouched, "read-early");
    ASSERT_EQ(early.size(), 1U) << untouched["findings"];
    EXPECT_EQ(early[0]["who"], "trace-client");
    const json certain = file("baseline.early");
    EXPECT_FALSE(certain.empty());
    EXPECT_THAT(early[0]["frames"], IsSupersetOf(certain));
    EXPECT_GT(early[0]["ms"], 0);
    EXPECT_THAT(of(untouched, "fences")[0]["text"].get<std::string>(),
                HasSubstr("none of 12 finished frames"));
    EXPECT_EQ(untouched["lost"], 0);

    const auto after = guest("v2", "KERNEL=v2; " + script, board);
    EXPECT_EQ(exit_code(after), 0) << after.error;
    const json fixed = file("v2.json");
    EXPECT_EQ(wrong(fixed), 0U) << fixed["findings"];
    const auto fences = of(fixed, "fences");
    ASSERT_EQ(fences.size(), 1U);
    EXPECT_THAT(fences[0]["text"].get<std::string>(),
                HasSubstr(fmt::format("12 of 12 finished frames had a fence of {}, waited for by "
                                      "trace-client",
                                      driver)));
    EXPECT_TRUE(file("v2.early").empty()) << file("v2.early");
    // DMA_BUF_SYNC_START sleeps in dma_fence_wait() meanwhile, which the kernel says by itself.
    for (const json& frame : fixed["queues"][0]["frames"])
        EXPECT_EQ(frame["fence"]["waits"].size(), 1U) << frame;
}
INSTANTIATE_TEST_SUITE_P(Each, TraceReader,
                         testing::Values(Driver{"vim2m", false}, Driver{"rockchip-rga", true}),
                         [](const auto& instance) {
                             return std::string{instance.param.board ? "rga" : "vim2m"};
                         });

class TraceDecoder : public TraceGuest, public testing::WithParamInterface<const char*> {};

// The same for decoders, with a consumer that asks by poll() and by sync_files.
TEST_P(TraceDecoder, TellsTooEarlyOnlyWithoutFences) {
    const std::string script = fmt::format(
        "$RELFENCE trace --json -- $CASES run --quick --case eager-frames --driver {} "
        "--out $KERNEL.jsonl --artifacts . > $KERNEL.json",
        GetParam());
    const auto before = guest("baseline", "KERNEL=baseline; " + script);
    EXPECT_EQ(exit_code(before), 1) << before.error;
    const auto early = of(file("baseline.json"), "told-early");
    ASSERT_EQ(early.size(), 2U) << file("baseline.json")["findings"];
    EXPECT_THAT(early[0]["text"].get<std::string>(), HasSubstr("by poll()"));
    EXPECT_THAT(early[1]["text"].get<std::string>(), HasSubstr("by a sync_file"));

    const auto after = guest("v2", "KERNEL=v2; " + script);
    EXPECT_EQ(exit_code(after), 0) << after.error;
    EXPECT_EQ(wrong(file("v2.json")), 0U) << file("v2.json")["findings"];
}
INSTANTIATE_TEST_SUITE_P(Each, TraceDecoder, testing::Values("vicodec", "visl"),
                         [](const auto& instance) { return std::string{instance.param}; });

TEST_F(TraceGuest, SaysWhoHoldsAnEmptyPool) {
    const auto result = guest("v2", "$RELFENCE trace --json -- $CLIENT hold > out.json");
    EXPECT_EQ(exit_code(result), 0) << result.error;
    const auto empty = of(file("out.json"), "pool-empty");
    ASSERT_EQ(empty.size(), 1U) << file("out.json")["findings"];
    EXPECT_THAT(empty[0]["text"].get<std::string>(),
                testing::MatchesRegex(".* CAPTURE: pool of 2 empty for [0-9]+ ms, held by "
                                      "trace-client"));
    EXPECT_GE(empty[0]["ms"], 60);
}

TEST_F(TraceGuest, SaysWhoseFenceWasPendingWhenABufferWasQueuedAgain) {
    const auto result = guest("baseline", "$RELFENCE trace --json -- $CLIENT fence > out.json");
    EXPECT_EQ(exit_code(result), 1) << result.error;
    const auto again = of(file("out.json"), "requeued");
    ASSERT_EQ(again.size(), 1U) << file("out.json")["findings"];
    EXPECT_THAT(
        again[0]["text"].get<std::string>(),
        HasSubstr("frame 2: queued again while trace-client's fence (sw_sync) was pending"));
}

// Which dma-buf a frame is in is known of each, though the observer says once whose descriptor a
// queue is.
TEST_F(TraceGuest, KnowsTheDmaBufOfEachFrameFromOneLineOfAQueue) {
    const auto result =
        guest("v2", "$RELFENCE trace --json --record x.trace -- $CLIENT read vim2m 20 > out.json");
    ASSERT_EQ(exit_code(result), 0) << result.error;
    const std::string events = get("share/x.trace");
    const std::regex line{"\"k\":\"call_queue\""};
    EXPECT_EQ(std::distance(std::sregex_iterator{events.begin(), events.end(), line}, {}), 2);
    std::size_t known = 0;
    const json trace = file("out.json");
    for (const json& queue : trace["queues"])
        for (const json& frame : queue["frames"])
            known += queue["capture"] && !frame["dma_buf"].is_null() ? 1U : 0U;
    EXPECT_EQ(known, 20U);
}

// A program that nobody started under the trace: queues and fences are the kernel's own events.
TEST_F(TraceGuest, SeesProgramsThatItDidNotStart) {
    const auto result = guest(
        "v2",
        "$RELFENCE trace --json --duration 600 > out.json & T=$!; "
        "until ls /sys/kernel/tracing/instances/relfence-*/tracing_on 2>/dev/null && "
        "grep -q 1 /sys/kernel/tracing/instances/relfence-*/tracing_on; do :; done >/dev/null; "
        "$CLIENT read vim2m 5; kill -INT $T; wait $T");
    EXPECT_EQ(exit_code(result), 0) << result.error;
    const json trace = file("out.json");
    EXPECT_EQ(trace["queues"][0]["frames"].size(), 5U);
    EXPECT_THAT(of(trace, "fences")[0]["text"].get<std::string>(),
                HasSubstr("5 of 5 finished frames had a fence of vim2m, waited for by "
                          "trace-client"));
}

// More than a small ring buffer holds; and the control, the same with the usual one.
TEST_F(TraceGuest, SaysWhenEventsWereLost) {
    const auto small =
        guest("baseline", "$RELFENCE trace --json --buffer 64 -- $CLIENT fences 20000 1 > a.json");
    EXPECT_GT(file("a.json")["lost"], 0) << small.error;
    EXPECT_THAT(of(file("a.json"), "lost"), Not(IsEmpty()));
    const auto usual =
        guest("baseline", "$RELFENCE trace --json -- $CLIENT fences 10000 1 > b.json");
    EXPECT_EQ(file("b.json")["lost"], 0) << usual.error;
    EXPECT_GE(file("b.json")["fences"], 10'000);
}

TEST_F(TraceGuest, LeavesNothingBehind) {
    const auto result = guest("v2",
                              "I=/sys/kernel/tracing/instances; "
                              "$RELFENCE trace -- $CLIENT read; ls $I; "
                              // A run that is killed leaves its instance; the next one removes it.
                              "$RELFENCE trace --record x.trace --duration 600 & T=$!; "
                              "until test -e $I/relfence-$T; do :; done; kill -9 $T; wait $T; "
                              "$RELFENCE trace -- true; ls $I; "
                              // A command that does not end by itself ends with the trace.
                              "$RELFENCE trace --duration 0.1 -- sleep 1234; pgrep -x sleep");
    EXPECT_THAT(result.output, Not(HasSubstr("relfence-")));
    EXPECT_FALSE(std::regex_search(result.output, std::regex{"^[0-9]+$", std::regex::multiline}))
        << result.output;
}

// One line, exit code 2, and what to do.
TEST_F(TraceGuest, SaysWhichRightIsMissing) {
    const auto result =
        guest("v2", "setpriv --reuid 65534 --clear-groups $RELFENCE trace --duration 0.1; echo $?");
    EXPECT_EQ(result.output, "2\n");
    EXPECT_THAT(result.error, HasSubstr("Permission denied (needs root"));
    EXPECT_EQ(std::ranges::count(result.error, '\n'), 1) << result.error;
}

/// The root element's attributes after a browser ran the page; empty: there is no browser.
std::string render(const std::filesystem::path& page) {
    CommandOptions options;
    const auto result =
        run_command({"chromium", "--headless=new", "--no-sandbox", "--disable-gpu",
                     "--virtual-time-budget=5000", "--dump-dom", "file://" + page.string()},
                    options);
    if (!result) return {};
    std::smatch found;
    std::regex_search(result->output, found, std::regex{"<html[^>]*>"});
    return found.str();
}

TEST_F(TraceGuest, ThePageShowsEveryFrameInABrowser) {
    const auto result =
        guest("v2",
              "$RELFENCE trace --json --html a.html --perfetto a.perfetto --record a.trace -- "
              "$CLIENT read vim2m 9 > a.json");
    ASSERT_EQ(exit_code(result), 0) << result.error;
    std::size_t frames = 0;
    const json trace = file("a.json");
    for (const json& queue : trace["queues"]) frames += queue["frames"].size();
    EXPECT_EQ(frames, 18U) << "9 in, 9 out";

    std::size_t arrows = 0;
    const json perfetto = file("a.perfetto");
    for (const json& event : perfetto["traceEvents"]) arrows += event["ph"] == "s" ? 1U : 0U;
    EXPECT_GE(arrows, 9U) << "each frame's fence was waited for";
    const perfetto::Reader reader{perfetto};
    EXPECT_THAT(reader.flows, testing::SizeIs(arrows));
    EXPECT_THAT(reader.stats, testing::IsEmpty());

    // The same from the recording, on the host.
    CommandOptions options;
    options.spawn.directory = share.string();
    const auto again =
        run_command({RELFENCE_TRACER, "trace", "--read", "a.trace", "--json"}, options).value();
    EXPECT_EQ(json::parse(again.output)["queues"], file("a.json")["queues"]);

    const std::string page = render(share / "a.html");
    if (page.empty()) GTEST_SKIP() << "chromium is not installed";
    EXPECT_THAT(page, HasSubstr("data-frames=\"18\""));
    EXPECT_THAT(page, Not(HasSubstr("data-error")));

    // The control: a page whose script fails is noticed.
    std::string broken = get("share/a.html");
    broken.replace(broken.find("'use strict';"), 13, "'use strict'; nonsense();");
    put("share/b.html", broken);
    EXPECT_THAT(render(share / "b.html"), HasSubstr("data-error"));
}

}  // namespace
}  // namespace relfence::lab
