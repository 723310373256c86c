// SPDX-License-Identifier: MIT
#include "soak.hpp"

#include <algorithm>
#include <sstream>

#include <fmt/format.h>

#include "clips.hpp"

namespace relfence::bench {
namespace {

using nlohmann::json;

constexpr std::size_t clients = 6;

Result<std::vector<std::string>> make_clips(const std::filesystem::path& scratch) {
    const std::array<testing::Vp8Wish, 3> wishes{{
        {.width = 176, .height = 144, .frames = 40, .kilobits = 300},
        {.width = 640, .height = 360, .frames = 30, .kilobits = 1500, .alternative = true},
        {.width = 320, .height = 240, .frames = 40, .kilobits = 600, .segments = true},
    }};
    std::vector<std::string> files;
    for (const auto& wish : wishes) {
        const auto path = scratch / fmt::format("{}x{}.ivf", wish.width, wish.height);
        auto written = write_ivf(path, testing::encode_vp8(wish), wish.width, wish.height, 1);
        if (!written) return tl::make_unexpected(written.error());
        files.push_back(path);
    }
    return files;
}

}  // namespace

Result<json> soak(GuestRun run, unsigned seconds) {
    auto files = make_clips(run.scratch);
    if (!files) return tl::make_unexpected(files.error());
    std::vector<std::string> command{program_beside_us("board-client"), "soak",
                                     std::to_string(seconds)};
    command.insert(command.end(), files->begin(), files->end());
    // A guest that hangs is a result too; its clients give up by themselves after 5 s.
    run.timeout = std::chrono::seconds{seconds + 120};
    const auto result = run_in_guest(run, command);
    if (!result) return tl::make_unexpected(result.error());

    json report{{"kernel", run.kernel},        {"seconds", seconds},
                {"code", result->code},        {"clients", json::array()},
                {"board", result->statistics}, {"complaints", complaints_of(result->console)},
                {"error", result->error}};
    std::uint64_t wrong = 0, errors = 0, lost = 0, jobs = 0;
    std::istringstream lines{result->output};
    for (std::string line; std::getline(lines, line);) {
        const json client = json::parse(line, nullptr, false);
        if (client.is_discarded()) continue;
        report["clients"].push_back(client);
        jobs += client.value("jobs", std::uint64_t{0});
        wrong += client.value("wrong", std::uint64_t{0});
        errors += client.value("errors", std::uint64_t{0});
        lost += client.value("lost", std::uint64_t{0});
    }
    // Every job that the board began ended, well, and for nobody else than a client.
    std::uint64_t begun = 0, done = 0, failed = 0, aborted = 0;
    for (const json& engine : result->statistics["engines"]) {
        begun += engine["started"].get<std::uint64_t>();
        done += engine["done"].get<std::uint64_t>();
        failed += engine["failed"].get<std::uint64_t>();
        aborted += engine["aborted"].get<std::uint64_t>();
    }
    const auto watchdogs = std::ranges::count_if(report["complaints"], [](const json& line) {
        return line.get<std::string>().find("timed out") != std::string::npos;
    });
    report.update({{"jobs", jobs},
                   {"wrong", wrong},
                   {"errors", errors},
                   {"lost", lost + begun - done - failed - aborted},
                   {"failed", failed},
                   {"aborted", aborted},
                   {"watchdogs", watchdogs}});
    report["good"] = result->code == 0 && report["clients"].size() == clients && jobs > 0 &&
                     jobs == done && wrong + errors + failed + aborted == 0 &&
                     report["lost"] == 0 && report["complaints"].empty() &&
                     result->statistics["driver_bugs"] == 0;
    return report;
}

void print_soak(const json& report) {
    for (const json& client : report["clients"])
        fmt::print("{:28} {:>8} jobs, {} wrong, {} errors, {} lost\n",
                   client.value("client", "none"), client.value("jobs", 0),
                   client.value("wrong", 0), client.value("errors", 0), client.value("lost", 0));
    const json& board = report["board"];
    fmt::print("board: {} register reads, {} writes, {} driver bugs\n",
               board["register_reads"].get<std::uint64_t>(),
               board["register_writes"].get<std::uint64_t>(),
               board["driver_bugs"].get<std::uint64_t>());
    for (const json& engine : board["engines"]) {
        if (engine["started"] == 0) continue;
        const json& way = engine["interrupt_to_read_us"];
        fmt::print(
            "  {:5} {} jobs started, {} done, {} failed, {} aborted; interrupt to read "
            "{:.0f} us (p99 {:.0f}, max {:.0f})\n",
            engine["name"].get<std::string>(), engine["started"].get<std::uint64_t>(),
            engine["done"].get<std::uint64_t>(), engine["failed"].get<std::uint64_t>(),
            engine["aborted"].get<std::uint64_t>(), way["p50"].get<double>(),
            way["p99"].get<double>(), way["max"].get<double>());
    }
    for (const json& line : report["complaints"])
        fmt::print("kernel: {}\n", line.get<std::string>());
    if (!report["error"].get<std::string>().empty())
        fmt::print("{}", report["error"].get<std::string>());
    fmt::print("{} s on {}: {} jobs, {} lost, {} watchdogs, {} wrong frames: {}\n",
               report["seconds"].get<unsigned>(), report["kernel"].get<std::string>(),
               report["jobs"].get<std::uint64_t>(), report["lost"].get<std::uint64_t>(),
               report["watchdogs"].get<std::uint64_t>(), report["wrong"].get<std::uint64_t>(),
               report["good"].get<bool>() ? "good" : "BAD");
}

}  // namespace relfence::bench
