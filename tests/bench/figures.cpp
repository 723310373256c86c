// SPDX-License-Identifier: MIT
#include "figures.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sys/utsname.h>
#include <thread>

#include <fmt/format.h>

#include <relfence/base/statistics.hpp>

#include "clips.hpp"
#include "stateless/ivf.hpp"

namespace relfence::bench {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

/// What is played.
struct Clip {
    const char* name;
    testing::Vp8Wish wish;
    testing::Vp8Stream stream;
    unsigned times = 1;  ///< that all of it is played
    fs::path file;
    std::vector<double> native, client, gstreamer, client_share, gstreamer_share;
    json last;  ///< statistics of the client's last round
};

std::vector<Clip> all_clips() {
    std::vector<Clip> clips(3);
    clips[0].name = "176x144";
    clips[0].wish = {.width = 176, .height = 144, .frames = 60, .kilobits = 400};
    clips[1].name = "1280x720";
    clips[1].wish = {.width = 1280, .height = 720, .frames = 60, .kilobits = 4000};
    clips[2].name = "1920x1080";
    clips[2].wish = {.width = 1920, .height = 1080, .frames = 60, .kilobits = 8000};
    return clips;
}

/// Samples as a report has them.
json summary(std::vector<double> samples) {
    if (samples.empty()) return nullptr;
    json result{{"samples", samples}};
    std::ranges::sort(samples);
    result["median"] = quantile(samples, 0.5);
    result["min"] = samples.front();
    result["max"] = samples.back();
    return result;
}

json machine() {
    std::ifstream file{"/proc/cpuinfo"};
    std::string processor;
    for (std::string line; std::getline(file, line) && processor.empty();)
        if (line.starts_with("model name")) processor = line.substr(line.find(": ") + 2);
    utsname system{};
    ::uname(&system);
    return {{"processor", processor},
            {"processors", std::thread::hardware_concurrency()},
            {"system", std::string{system.sysname} + " " + system.release}};
}

const json& decoder_of(const json& statistics) {
    for (const json& engine : statistics["engines"])
        if (engine["name"] == "vdpu") return engine;
    return statistics["engines"][0];
}

/// From the end of the first job to the end of the last, by the board's clock: the start of
/// programs does not count.
double rate_of(const json& statistics) {
    const json& engine = decoder_of(statistics);
    const double microseconds =
        engine["last_end_us"].get<double>() - engine["first_end_us"].get<double>();
    return (engine["done"].get<double>() - 1) * 1e6 / microseconds;
}

/// Plays a clip in a guest. @return the board's statistics; fails when not all frames were decoded
Result<json> play(const GuestRun& run, const Clip& clip, const std::vector<std::string>& command) {
    auto result = run_in_guest(run, command);
    if (!result) return tl::make_unexpected(result.error());
    const json& engine = decoder_of(result->statistics);
    if (result->code != 0 || engine["done"] != clip.stream.size() * clip.times ||
        engine["failed"] != 0 || engine["aborted"] != 0)
        return fail(
            fmt::format("played {} of {} frames and ended with {}", engine["done"].get<unsigned>(),
                        clip.stream.size() * clip.times, result->code),
            command[0], result->error);
    return result->statistics;
}

/// A folder with the few plugins of GStreamer that are needed: looking at all of them takes a guest
/// seconds.
std::string plugins_in(const fs::path& scratch) {
    const fs::path folder = scratch / "plugins";
    fs::create_directories(folder);
    for (const char* name : {"coreelements", "ivfparse", "v4l2codecs"}) {
        const std::string file = fmt::format("libgst{}.so", name);
        std::error_code error;
        fs::create_symlink(fs::path{RELFENCE_GSTREAMER_PLUGINS} / file, folder / file, error);
    }
    return folder;
}

std::vector<std::string> gstreamer_command(const fs::path& scratch, const Clip& clip) {
    return {"env",
            "GST_PLUGIN_SYSTEM_PATH_1_0=",
            "GST_PLUGIN_PATH_1_0=" + plugins_in(scratch),
            "gst-launch-1.0",
            "-q",
            "filesrc",
            "location=" + clip.file.string(),
            "!",
            "ivfparse",
            "!",
            "v4l2slvp8dec",
            "!",
            "fakesink"};
}

/// The clip's frames: made once, where they are kept.
Result<void> make_stream(Clip& clip, const fs::path& kept) {
    const fs::path file = kept / fmt::format("{}x{}.ivf", clip.wish.width, clip.wish.height);
    if (!kept.empty() && fs::exists(file)) {
        auto read = stateless::read_ivf(file);
        if (!read) return tl::make_unexpected(read.error());
        clip.stream = std::move(read->frames);
        return {};
    }
    clip.stream = testing::encode_vp8(clip.wish);
    if (kept.empty()) return {};
    return write_ivf(file, clip.stream, clip.wish.width, clip.wish.height, 1);
}

Result<void> make_clip(Clip& clip, const fs::path& kept, const fs::path& scratch, double seconds) {
    if (auto made = make_stream(clip, kept); !made) return made;
    const auto rate = native_rate(clip.stream, 1);
    if (!rate) return tl::make_unexpected(rate.error());
    clip.times =
        static_cast<unsigned>(std::ceil(seconds * *rate / static_cast<double>(clip.stream.size())));
    clip.file = scratch / (std::string{clip.name} + ".ivf");
    return write_ivf(clip.file, clip.stream, clip.wish.width, clip.wish.height, clip.times);
}

Result<void> play_round(const GuestRun& run, Clip& clip, bool gstreamer) {
    // Before and after, so that a machine that slows down in between counts for both.
    const auto before = native_rate(clip.stream, clip.times);
    if (!before) return tl::make_unexpected(before.error());
    auto client =
        play(run, clip, {program_beside_us("board-client"), "decode", clip.file.string()});
    if (!client) return tl::make_unexpected(client.error());
    const auto between = native_rate(clip.stream, clip.times);
    if (!between) return tl::make_unexpected(between.error());
    clip.native.push_back(*before);
    clip.client.push_back(rate_of(*client));
    clip.client_share.push_back(clip.client.back() * 2 / (*before + *between));
    clip.last = std::move(*client);
    if (!gstreamer) return {};
    const auto stock = play(run, clip, gstreamer_command(run.scratch, clip));
    if (!stock) return tl::make_unexpected(stock.error());
    const auto after = native_rate(clip.stream, clip.times);
    if (!after) return tl::make_unexpected(after.error());
    clip.native.push_back(*between);
    clip.gstreamer.push_back(rate_of(*stock));
    clip.gstreamer_share.push_back(clip.gstreamer.back() * 2 / (*between + *after));
    return {};
}

json report_of(const Clip& clip) {
    const json& engine = decoder_of(clip.last);
    const double seconds =
        (engine["last_end_us"].get<double>() - engine["first_start_us"].get<double>()) / 1e6;
    const double jobs = engine["done"].get<double>();
    return {{"clip", clip.name},
            {"frames", clip.stream.size() * clip.times},
            {"native_fps", summary(clip.native)},
            {"client_fps", summary(clip.client)},
            {"client_share", summary(clip.client_share)},
            {"gstreamer_fps", summary(clip.gstreamer)},
            {"gstreamer_share", summary(clip.gstreamer_share)},
            {"register_reads_per_second", clip.last["register_reads"].get<double>() / seconds},
            {"register_writes_per_second", clip.last["register_writes"].get<double>() / seconds},
            {"register_reads_per_job", clip.last["register_reads"].get<double>() / jobs},
            {"register_writes_per_job", clip.last["register_writes"].get<double>() / jobs},
            {"job_us", engine["job_us"]},
            {"interrupt_to_read_us", engine["interrupt_to_read_us"]}};
}

/// From the start of relfence-lab to a guest's program that sees the drivers' devices.
Result<json> measure_boot(const GuestRun& run, unsigned rounds) {
    constexpr const char* look =
        "cat /sys/class/video4linux/*/name | grep -c -e rk3399-vpu -e rockchip-rga";
    std::vector<double> probed, ended;
    for (unsigned i = 0; i < rounds; ++i) {
        const auto result = run_in_guest(run, {"sh", "-c", look});
        if (!result) return tl::make_unexpected(result.error());
        if (result->output != "3\n")
            return fail("sees other devices than encoder, decoder and converter", "guest",
                        result->output);
        probed.push_back(result->seconds_to_output);
        ended.push_back(result->seconds);
    }
    return json{{"probed_s", summary(probed)}, {"powered_off_s", summary(ended)}};
}

std::string range(const json& summary, int digits) {
    if (summary.is_null()) return "-";
    return fmt::format("{:.{}f} ({:.{}f} to {:.{}f})", summary["median"].get<double>(), digits,
                       summary["min"].get<double>(), digits, summary["max"].get<double>(), digits);
}

}  // namespace

Result<json> measure_figures(GuestRun run, const FigureOptions& options) {
    auto clips = all_clips();
    for (Clip& clip : clips)
        if (auto ok = make_clip(clip, options.clips, run.scratch, options.seconds); !ok)
            return tl::make_unexpected(ok.error());
    auto boot = measure_boot(run, options.rounds);
    if (!boot) return boot;
    for (unsigned round = 0; round < options.rounds; ++round)
        for (Clip& clip : clips)
            if (auto ok = play_round(run, clip, options.gstreamer); !ok)
                return tl::make_unexpected(ok.error());
    json report{{"machine", machine()},
                {"kernel", run.kernel},
                {"rounds", options.rounds},
                {"boot", *boot},
                {"clips", json::array()}};
    for (const Clip& clip : clips) report["clips"].push_back(report_of(clip));
    return report;
}

void print_figures(const json& report) {
    const json& host = report["machine"];
    fmt::print("{}, {} processors, {}; kernel {}; {} rounds, median (least to most)\n\n",
               host["processor"].get<std::string>(), host["processors"].get<unsigned>(),
               host["system"].get<std::string>(), report["kernel"].get<std::string>(),
               report["rounds"].get<unsigned>());
    constexpr const char* row = "{:10}  {:22}  {:22}  {:20}  {:22}  {:20}\n";
    fmt::print(row, "frames/s", "libvpx alone", "small client", "share", "GStreamer", "share");
    for (const json& clip : report["clips"])
        fmt::print(row, clip["clip"].get<std::string>(), range(clip["native_fps"], 1),
                   range(clip["client_fps"], 1), range(clip["client_share"], 2),
                   range(clip["gstreamer_fps"], 1), range(clip["gstreamer_share"], 2));
    constexpr const char* rates = "{:10}  {:22}  {:22}  {:24}\n";
    fmt::print("\n");
    fmt::print(rates, "registers", "reads/s (per job)", "writes/s (per job)", "a job, us: median");
    for (const json& clip : report["clips"])
        fmt::print(rates, clip["clip"].get<std::string>(),
                   fmt::format("{:.0f} ({:.1f})", clip["register_reads_per_second"].get<double>(),
                               clip["register_reads_per_job"].get<double>()),
                   fmt::format("{:.0f} ({:.1f})", clip["register_writes_per_second"].get<double>(),
                               clip["register_writes_per_job"].get<double>()),
                   fmt::format("{:.0f}", clip["job_us"]["p50"].get<double>()));
    constexpr const char* ways = "{:10}  {:>7}  {:>7}  {:>7}  {:>7}  {:>7}  {:>7}  {:>8}\n";
    fmt::print("\ninterrupt to the driver's first read, us\n");
    fmt::print(ways, "", "count", "min", "p50", "p90", "p99", "p99.9", "max");
    for (const json& clip : report["clips"]) {
        const json& way = clip["interrupt_to_read_us"];
        const auto at = [&](const char* name) {
            return fmt::format("{:.0f}", way[name].get<double>());
        };
        fmt::print(ways, clip["clip"].get<std::string>(), at("count"), at("min"), at("p50"),
                   at("p90"), at("p99"), at("p99.9"), at("max"));
    }
    fmt::print("\nboot to probed drivers: {} s; to the end of the guest: {} s\n",
               range(report["boot"]["probed_s"], 2), range(report["boot"]["powered_off_s"], 2));
}

}  // namespace relfence::bench
