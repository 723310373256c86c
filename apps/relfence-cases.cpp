// SPDX-License-Identifier: MIT
// The cases, as a program for the guest: `list` names them, `run` runs them and writes what was
// seen, one line of JSON each, so that the lab loses at most the case that killed its kernel.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <fnmatch.h>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <relfence/base/unique_fd.hpp>

#include "cases/case_list.hpp"

namespace {

using nlohmann::json;
using relfence::Result;
using relfence::UniqueFd;
using relfence::cases::Case;
using relfence::cases::Outcome;

constexpr int bad_usage = 2;

struct Options {
    std::vector<std::string> globs;
    std::vector<std::string> drivers;
    std::vector<std::string> cells;
    std::string out;
    std::string artifacts;
    bool quick = false;
};

int list(bool as_json) {
    json all = json::array();
    for (const Case& entry : relfence::cases::all_cases()) {
        if (!as_json)
            fmt::print("{:18} {} ({})\n", entry.id, entry.title, fmt::join(entry.drivers, ", "));
        all.push_back({{"case", entry.id},
                       {"title", entry.title},
                       {"catches", entry.catches},
                       {"drivers", entry.drivers},
                       {"boards", entry.boards},
                       {"kernel_arguments", entry.kernel_arguments}});
    }
    if (as_json) fmt::print("{}\n", all.dump(2));
    return 0;
}

bool chosen(const Options& options, const std::string& id, const std::string& driver) {
    const auto fits = [&](const std::string& glob) {
        return ::fnmatch(glob.c_str(), id.c_str(), 0) == 0;
    };
    const auto holds = [](const std::vector<std::string>& list, const std::string& what) {
        return std::find(list.begin(), list.end(), what) != list.end();
    };
    if (!options.globs.empty() && std::none_of(options.globs.begin(), options.globs.end(), fits))
        return false;
    if (!options.drivers.empty() && !holds(options.drivers, driver)) return false;
    return options.cells.empty() || holds(options.cells, id + "/" + driver);
}

/// Appends a line that survives the end of the kernel: written at once and synced to the host.
Result<void> append(const UniqueFd& file, const std::string& name, const json& entry) {
    // Text of the kernel's or a driver's may be no UTF-8; it must not cost the result.
    const std::string line = entry.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
    if (::write(file.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()) ||
        ::fsync(file.get()) != 0)
        return relfence::fail_errno("write", name);
    return {};
}

/// Puts the name of the cell on the console, so that what the kernel says next can be told whose it
/// is. Without the right to, a run by hand goes on without.
void announce(const std::string& cell) {
    if (const auto log = relfence::open_fd("/dev/kmsg", O_WRONLY)) {
        const std::string line = "relfence: case " + cell + "\n";
        if (::write(log->get(), line.data(), line.size()) < 0) return;
    }
}

Result<void> run_cell(const Options& options, const UniqueFd& file, const Case& entry,
                      const std::string& driver) {
    const json cell{{"case", entry.id}, {"driver", driver}};
    // Keeps what the hardware did before apart from what it does now: by their times alone, since
    // the board's log knows no cells. In virtual time this costs nothing.
    if (entry.boards.contains(driver)) std::this_thread::sleep_for(std::chrono::milliseconds{100});
    announce(entry.id + "/" + driver);
    json start = cell;
    start["type"] = "start";
    if (auto ok = append(file, options.out, start); !ok) return ok;
    const Outcome outcome =
        entry.run({.driver = driver, .artifacts = options.artifacts, .quick = options.quick});
    json result = cell;
    result["type"] = "result";
    result["verdict"] = outcome.verdict;
    result["seen"] = outcome.seen;
    result["reason"] = outcome.reason;
    result["details"] = outcome.details;
    result["samples"] = outcome.samples;
    result["artifacts"] = outcome.artifacts;
    fmt::print("{}/{}: {}\n", entry.id, driver,
               outcome.verdict == "seen" ? outcome.seen : outcome.verdict + ": " + outcome.reason);
    std::fflush(stdout);
    return append(file, options.out, result);
}

Result<void> run(const Options& options) {
    auto file = relfence::open_fd(options.out, O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (!file) return tl::make_unexpected(file.error());
    for (const Case& entry : relfence::cases::all_cases())
        for (const std::string& driver : entry.drivers)
            if (chosen(options, entry.id, driver))
                if (auto ok = run_cell(options, *file, entry, driver); !ok) return ok;
    return {};
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{
        "The cases of relfence: what V4L2 mem2mem drivers tell consumers about their frames"};
    app.set_version_flag("--version", RELFENCE_VERSION);
    app.require_subcommand(1);
    app.footer(
        "Run it inside a guest: relfence-lab exec --kernel v2 --share out -- "
        "relfence-cases run --out out/cases.jsonl --artifacts out");
    bool as_json = false;
    CLI::App* const list_command = app.add_subcommand("list", "names the cases");
    list_command->add_flag("--json", as_json, "for programs");
    Options options;
    CLI::App* const run_command = app.add_subcommand("run", "runs cases and writes what was seen");
    run_command->add_option("--case", options.globs, "only cases that fit GLOB; may be repeated");
    run_command->add_option("--driver", options.drivers, "only this driver; may be repeated");
    run_command->add_option("--cell", options.cells, "only CASE/DRIVER; may be repeated");
    run_command->add_option("--out", options.out, "file that lines of JSON are appended to")
        ->required();
    run_command->add_option("--artifacts", options.artifacts, "directory for pictures")
        ->required()
        ->check(CLI::ExistingDirectory);
    run_command->add_flag("--quick", options.quick, "fewer frames: a look, not a measurement");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : bad_usage;
    }
    if (list_command->parsed()) return list(as_json);
    if (auto ok = run(options); !ok) {
        fmt::print(stderr, "relfence-cases: {}\n", ok.error().message());
        return bad_usage;
    }
    return 0;
}
