// SPDX-License-Identifier: MIT
// What a trace becomes: recording, table, JSON, Perfetto, page. Each is read back.
#include <linux/dma-buf.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <relfence/trace/recording.hpp>
#include <relfence/trace/writers.hpp>

#include "../perfetto_reader.hpp"
#include "trace_events.hpp"

namespace relfence::trace {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

/// Four frames with fences, two of which somebody waited for, and one that a reader came too early
/// for.
Script some_frames() {
    Script script;
    script.exported(50, 0, 40);
    script.exported(51, 1, 41);
    for (unsigned turn = 0; turn < 4; ++turn) {
        const Time start = 1000 + turn * 10'000;
        const std::uint32_t index = turn % 2;
        const std::uint64_t ino = 40 + index;
        script.queue(start, index);
        script.fence(Kind::fence_init, start + 100, turn);
        if (turn == 3) {
            script.call(Kind::call_cpu_start, start + 200, ino, DMA_BUF_SYNC_READ);
            script.call(Kind::call_cpu_started, start + 201, ino, DMA_BUF_SYNC_READ);
            script.call(Kind::call_cpu_end, start + 300, ino, DMA_BUF_SYNC_END);
        }
        if (turn == 1) script.call(Kind::call_poll, start + 200, ino);
        if (turn == 2) script.fence(Kind::fence_wait_start, start + 200, turn);
        script.fence(Kind::fence_signaled, start + 5000, turn, 0);
        script.finish(start + 5001, index);
        if (turn == 1) script.call(Kind::call_poll_end, start + 5100, ino, 1);
        if (turn == 2) script.fence(Kind::fence_wait_end, start + 5050, turn);
        script.dequeue(start + 6000, index);
    }
    return script;
}

std::string record(const Script& script) {
    std::string text = recording_header() + "\n";
    for (const Event& event : script.events) text += to_line(event) + "\n";
    return text;
}

TEST(TraceRecording, IsReadAsItWasWritten) {
    const Script script = some_frames();
    std::vector<Event> events;
    const auto ok = read_recording(record(script), "a.trace",
                                   [&](const Event& event) { events.push_back(event); });
    ASSERT_TRUE(ok) << ok.error().message();
    EXPECT_EQ(events, script.events);
}

TEST(TraceRecording, KeepsEveryField) {
    Event event;
    event.kind = Kind::call_import_sync;
    event.time = ~std::uint64_t{0};
    event.cpu = 3;
    event.pid = 4;
    event.tgid = 5;
    event.owner = 6;
    event.fd = 7;
    event.minor = 8;
    event.type = 9;
    event.index = ~std::uint32_t{0};
    event.context = 11;
    event.seqno = 12;
    event.ino = 13;
    event.value = -14;
    event.driver = "d\"\n";
    event.timeline = "t";
    event.text = "x";
    const auto back = from_line(to_line(event));
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(*back, event);
}

// A line that somebody else wrote, or that was damaged, is named; nothing is taken for an event.
TEST(TraceRecording, SaysWhichLineIsNoEvent) {
    for (const char* line :
         {"x", "[]", "{}", R"({"k":3})", R"({"k":"nothing"})", R"({"k":"lost","t":"1"})",
          R"({"k":"lost","cpu":4294967296})", R"({"k":"lost","t":-1})", R"({"k":"lost","t":1.5})",
          R"({"k":"lost","text":1})", R"({"k":"lost","t":1e400})"}) {
        std::size_t fed = 0;
        const auto ok = read_recording(
            fmt::format("{}\n{}\n{}\n", recording_header(), to_line(some_frames().events[0]), line),
            "a.trace", [&](const Event&) { ++fed; });
        ASSERT_FALSE(ok) << line;
        EXPECT_THAT(ok.error().message(), HasSubstr("a.trace: line 3")) << line;
        EXPECT_EQ(fed, 1U);
    }
}

TEST(TraceRecording, ToldFromOtherFiles) {
    for (const char* text : {"", "\n", "PNG", "{}", "[1]\n", R"({"relfence-trace":99})"}) {
        const auto ok = read_recording(text, "a.trace", [](const Event&) { FAIL(); });
        ASSERT_FALSE(ok) << text;
        EXPECT_THAT(ok.error().message(), HasSubstr("a.trace: is"));
    }
}

// A recording of a machine that lost its power: what is there is used, and the rest is told.
TEST(TraceRecording, MayBeCutOffAnywhere) {
    const std::string whole = record(some_frames());
    const std::size_t header = recording_header().size() + 1;
    for (std::size_t size = header; size < whole.size(); size += 7) {
        Model model;
        const auto ok = read_recording(std::string_view{whole}.substr(0, size), "a.trace",
                                       [&](const Event& event) { model.feed(event); });
        ASSERT_TRUE(ok) << size << ": " << ok.error().message();
        const bool inside = whole[size - 1] != '\n' && whole[size] != '\n';
        EXPECT_EQ(model.troubles().empty(), !inside) << size;
    }
}

TEST(TraceMarker, IsWhatAProgramMaySay) {
    const auto event = parse_marker(
        "relfence:call_queue\ttgid=3\tfd=4\tminor=1\ttype=9\tindex=2\tino=77\tvalue=-5\tdriver=a "
        "b\ttimeline=t\n");
    ASSERT_TRUE(event);
    EXPECT_EQ(event->kind, Kind::call_queue);
    EXPECT_EQ(event->tgid, 3);
    EXPECT_EQ(event->fd, 4);
    EXPECT_EQ(event->minor, 1);
    EXPECT_EQ(event->type, 9U);
    EXPECT_EQ(event->index, 2U);
    EXPECT_EQ(event->ino, 77U);
    EXPECT_EQ(event->value, -5);
    EXPECT_EQ(event->driver, "a b");
    EXPECT_EQ(event->timeline, "t");
    // Others' markers, damaged ones, and a program that plays the kernel.
    for (const char* line :
         {"", "hello", "relfence:", "relfence:call_queue\ttgid", "relfence:call_queue\ttgid=x",
          "relfence:call_queue\ttype=-1", "relfence:call_queue\tindex=99999999999",
          "relfence:vb2_buf_done\tindex=1", "relfence:lost\tvalue=3", "relfence:nonsense"})
        EXPECT_FALSE(parse_marker(line)) << line;
}

TEST(TraceJson, HasFramesWithTimesSinceTheBegin) {
    const Model model = some_frames().model();
    const json value = json::parse(to_json(model, find(model), {"6.12", "player clip"}));
    EXPECT_EQ(value["kernel"], "6.12");
    EXPECT_EQ(value["command"], "player clip");
    ASSERT_THAT(value["queues"], SizeIs(1));
    const json& queue = value["queues"][0];
    EXPECT_EQ(queue["name"], "video0 CAPTURE");
    EXPECT_EQ(queue["frames_queued"], 4);
    EXPECT_EQ(queue["fenced"], 4);
    ASSERT_THAT(queue["frames"], SizeIs(4));
    EXPECT_EQ(queue["frames"][2]["fence"]["waits"][0]["by"], "player");
    EXPECT_EQ(queue["frames"][3]["uses"][0]["use"], "cpu read");
    EXPECT_EQ(queue["frames"][0]["dma_buf"], 40);
    EXPECT_EQ(queue["frames"][0]["queued_ns"], 951'000) << "50 us after the first event";
    EXPECT_EQ(value["findings"][0]["verdict"], "read-early");
    EXPECT_EQ(value["findings"][0]["wrong"], true);
    EXPECT_EQ(value["findings"][0]["frames"], json({4}));
}

class TracePerfetto : public testing::Test {
  protected:
    TracePerfetto() {
        const Model model = some_frames().model();
        events = json::parse(to_perfetto(draw(model)))["traceEvents"];
    }
    [[nodiscard]] std::vector<json> of(const std::string& phase) const {
        std::vector<json> found;
        for (const json& event : events)
            if (event["ph"] == phase) found.push_back(event);
        return found;
    }
    /// The slices of the track that an event is on.
    [[nodiscard]] std::vector<json> around(const json& event) const {
        std::vector<json> found;
        for (const json& slice : of("X")) {
            if (slice["pid"] != event["pid"] || slice["tid"] != event["tid"]) continue;
            const double begin = slice["ts"];
            const double end = begin + slice["dur"].get<double>();
            if (begin <= event["ts"] && event["ts"] < end) found.push_back(slice);
        }
        return found;
    }
    json events;
};

TEST_F(TracePerfetto, HasATrackForTheQueueWithEachFrame) {
    std::map<std::pair<int, int>, std::string> tracks;
    for (const json& name : of("M"))
        if (name["name"] == "thread_name")
            tracks[{name["pid"], name["tid"]}] = name["args"]["name"];
    std::vector<std::string> frames;
    for (const json& slice : of("X"))
        if (tracks.at({slice["pid"], slice["tid"]}) == "frames") frames.push_back(slice["name"]);
    EXPECT_THAT(frames, ElementsAre("frame 1", "frame 2", "frame 3", "frame 4"));
}

// Chrome's slices of one track have to nest; ours must not even overlap.
TEST_F(TracePerfetto, SlicesOfATrackFollowEachOther) {
    std::map<std::pair<int, int>, double> ends;
    for (const json& slice : of("X")) {
        double& end = ends[{slice["pid"], slice["tid"]}];
        EXPECT_GE(slice["ts"].get<double>(), end - 1e-6) << slice;
        end = slice["ts"].get<double>() + slice["dur"].get<double>();
    }
}

// An arrow that begins or ends outside a slice is not drawn.
TEST_F(TracePerfetto, ArrowsGoFromAFrameToWhoWaitedForIt) {
    const auto begins = of("s");
    const auto ends = of("f");
    ASSERT_THAT(begins, SizeIs(2)) << "one for the poll, one for dma_fence_wait";
    ASSERT_THAT(ends, SizeIs(2));
    for (std::size_t i = 0; i < begins.size(); ++i) {
        EXPECT_EQ(begins[i]["id"], ends[i]["id"]);
        EXPECT_LE(begins[i]["ts"], ends[i]["ts"]);
        const auto from = around(begins[i]);
        const auto to = around(ends[i]);
        ASSERT_THAT(from, SizeIs(1)) << begins[i];
        ASSERT_THAT(to, SizeIs(1)) << ends[i];
        EXPECT_THAT(from[0]["name"].get<std::string>(), HasSubstr("frame "));
        EXPECT_EQ(to[0]["cat"], "wait");
    }
}

// As Perfetto counts them: each arrow that was drawn, and no complaint.
TEST_F(TracePerfetto, PerfettoKeepsEachArrow) {
    const perfetto::Reader reader{json{{"traceEvents", events}}};
    EXPECT_THAT(reader.stats, IsEmpty());
    ASSERT_THAT(reader.flows, SizeIs(2));
    for (const auto& flow : reader.flows) {
        EXPECT_THAT(flow.from.name, HasSubstr("frame "));
        EXPECT_EQ(flow.to.category, "wait");
    }
}

// The controls: what Perfetto would drop is told.
TEST_F(TracePerfetto, PerfettoDropsArrowsThatBelongNowhere) {
    const auto stats_of = [&](const std::string& phase, const auto& change) {
        json changed = events;
        for (json& event : changed)
            if (event["ph"] == phase) {
                change(event);
                break;
            }
        return perfetto::Reader{json{{"traceEvents", changed}}}.stats;
    };
    using Stats = std::map<std::string, unsigned>;
    EXPECT_EQ(stats_of("f", [](json& event) { event["ts"] = 1e9; }),
              (Stats{{"flow_no_enclosing_slice", 1}}));
    EXPECT_EQ(stats_of("f", [](json& event) { event["id"] = 77; }),
              (Stats{{"flow_end_without_start", 1}}));
    EXPECT_EQ(stats_of("s", [](json& event) { event["id"] = 2; }),
              (Stats{{"flow_duplicate_id", 1}, {"flow_end_without_start", 1}}));
    const json slice{{"ph", "X"}, {"name", "a"}, {"cat", "c"}, {"pid", 1},
                     {"tid", 1},  {"ts", 1.0},   {"dur", 10.0}};
    json later = slice;
    later["ts"] = 5.0;
    const perfetto::Reader overlap{json{{"traceEvents", json::array({slice, later})}}};
    EXPECT_EQ(overlap.stats, (Stats{{"slice_spill_overlapping_complete_event", 1}}));
}

TEST(TraceTable, FitsTheTerminal) {
    const Model model = some_frames().model();
    const auto lines = table(model, 100, 24);
    ASSERT_GE(lines.size(), 3U);
    EXPECT_THAT(lines[1], HasSubstr("video0 CAPTURE"));
    EXPECT_THAT(lines[1], HasSubstr(" 4 "));
    for (const std::size_t columns : {0U, 1U, 20U, 500U})
        for (const std::size_t rows : {0U, 1U, 2U, 50U}) {
            const auto small = table(model, columns, rows);
            EXPECT_LE(small.size(), rows);
            for (const auto& line : small) EXPECT_LE(line.size(), columns);
        }
}

TEST(TraceText, ColoursOnlyOnATerminal) {
    const Model model = some_frames().model();
    EXPECT_THAT(to_text(find(model), false), Not(HasSubstr("\033")));
    EXPECT_THAT(to_text(find(model), false), HasSubstr("wrong: video0 CAPTURE: frame 4"));
    EXPECT_THAT(to_text(find(model), true), HasSubstr("\033[31m"));
}

// Names come from others: of devices, of processes, of commands.
TEST(TraceHtml, NamesCannotBecomeMarkup) {
    Script script = some_frames();
    script.device(0, "video0 (</script><script>alert(1)</script>)");
    script.process(Script::client, "<img src=x>");
    const Model model = script.model();
    const std::string page = to_html(draw(model), find(model), model, {"<b>", "a & \"b\""});
    EXPECT_THAT(page, Not(HasSubstr("<script>alert")));
    EXPECT_THAT(page, Not(HasSubstr("<img")));
    EXPECT_THAT(page, Not(HasSubstr("<b>")));
    EXPECT_THAT(page, HasSubstr("a &amp; &quot;b&quot;"));
}

TEST(TraceHtml, IsOneFileWithEveryFrame) {
    const Model model = some_frames().model();
    const std::string page = to_html(draw(model), find(model), model, {});
    for (const char* outside : {"http://", "https://", " src=", "<link", "url(", "import "})
        EXPECT_THAT(page, Not(HasSubstr(outside)));
    const std::string open = "<script type='application/json' id='trace'>";
    const std::size_t begin = page.find(open) + open.size();
    const json value = json::parse(page.substr(begin, page.find("</script>", begin) - begin));
    std::size_t frames = 0;
    for (const json& lane : value["lanes"])
        if (lane["queue"]) frames += lane["slices"].size();
    EXPECT_EQ(frames, 4U);
    EXPECT_THAT(value["arrows"], SizeIs(2));
}

TEST(TraceOutput, OfNothingIsValid) {
    const Model model;
    EXPECT_THAT(find(model), IsEmpty());
    EXPECT_TRUE(json::accept(to_json(model, {}, {})));
    EXPECT_TRUE(json::accept(to_perfetto(draw(model))));
    EXPECT_THAT(to_html(draw(model), {}, model, {}), HasSubstr("0 frames"));
    EXPECT_THAT(table(model, 80, 24), Not(IsEmpty()));
}

}  // namespace
}  // namespace relfence::trace
