// SPDX-License-Identifier: MIT
// A Rockchip board for a User Mode Linux guest.
#include <csignal>
#include <cstdio>
#include <malloc.h>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <relfence/board/board.hpp>

namespace {

using namespace relfence;

constexpr int exit_bug = 1;
constexpr int exit_unusable = 2;

constexpr const char* footer =
    R"(Boards are served until SIGTERM or SIGINT, one guest after the other. When the board can be used, one line
says so: "ready" and what the kernel needs on its command line.

Examples:
  relfence-board --list
  relfence-board --board fresnel --directory /run/fresnel --log /run/fresnel/events
  setarch -R linux dtb=/run/fresnel/board.dtb mem=512M root=...
  relfence-board --board fresnel --directory . --time virtual --fault vdpu:1:hang --log -
  relfence-board --board ohm --directory . --duration 16ms --fault vdpu:3:hang --fault 'rga:*:late'

Exit code: 0 ended by a signal, 1 with --strict: a driver did something wrong, 2 the board could not be served.)";

/// Pictures come and go with every job: memory that was freed stays with the process, since to get
/// it back from the kernel, page by page, takes as long as to copy a picture.
void keep_freed_memory() {
    ::mallopt(M_MMAP_THRESHOLD, 32 << 20);  // the largest that glibc takes
    ::mallopt(M_TRIM_THRESHOLD, 256 << 20);
}

board::Board* served = nullptr;

void on_signal(int) {
    served->stop();
}

int unusable(const Error& error) {
    fmt::print(stderr, "relfence-board: {}\n", error.message());
    return exit_unusable;
}

int list() {
    for (const auto& description : board::boards()) {
        fmt::print("{:10}{}\n", description.name, description.title);
        for (const auto& device : description.peripherals) {
            std::vector<std::string> engines;
            for (const auto& engine : device.engines) engines.emplace_back(engine.name);
            fmt::print("          {}: {}\n", device.compatible.front(), fmt::join(engines, ", "));
        }
    }
    return 0;
}

int serve(const board::Description& description, const board::BoardOptions& options) {
    keep_freed_memory();
    auto made = board::Board::create(description, options);
    if (!made) return unusable(made.error());
    served = made->get();
    struct sigaction action {};
    action.sa_handler = on_signal;
    ::sigaction(SIGTERM, &action, nullptr);
    ::sigaction(SIGINT, &action, nullptr);
    fmt::print("ready {}\n", fmt::join(served->kernel_arguments(), " "));
    std::fflush(stdout);
    const auto ran = served->run();
    ::signal(SIGTERM, SIG_IGN);
    ::signal(SIGINT, SIG_IGN);
    if (ran) return 0;
    fmt::print(stderr, "relfence-board: {}\n", ran.error().message());
    return exit_bug;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{
        "A modelled Rockchip board for a User Mode Linux guest: its drivers are Linux's own.",
        "relfence-board"};
    app.footer(footer);
    std::string name, time = "real", duration;
    std::vector<std::string> faults;
    board::BoardOptions options;
    bool listed = false;
    app.add_flag("--list", listed, "The boards and their engines");
    app.add_option("--board", name, "Which board; see --list");
    app.add_option("--directory", options.directory,
                   "An existing directory for the sockets and board.dtb, visible to the guest's "
                   "kernel");
    app.add_option("--log", options.log, "File of the board's events, - for standard error");
    app.add_option("--statistics", options.statistics,
                   "File that gets counts of jobs, register accesses and times as JSON, whenever a "
                   "guest goes");
    app.add_flag("--strict", options.strict, "End when a driver does something wrong");
    app.add_option("--time", time,
                   "real, or virtual: time passes only when there is nothing left to do, so that "
                   "waiting costs nothing and runs are the same")
        ->capture_default_str();
    app.add_option("--duration", duration,
                   "How long a job takes: 16ms, 500us, or real for as long as it is computed "
                   "(default: real, in virtual time 16ms)");
    app.add_option("--fault", faults,
                   fmt::format("ENGINE:JOB:KIND, JOB from 1 or * for all, KIND one of {}",
                               fmt::join(board::fault_names(), ", ")))
        ->allow_extra_args(false);
    app.set_version_flag("--version", RELFENCE_VERSION);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : exit_unusable;
    }
    if (listed) return list();

    const board::Description* description = board::find_board(name);
    if (description == nullptr) {
        std::vector<std::string> names;
        for (const auto& known : board::boards()) names.emplace_back(known.name);
        return unusable(name.empty() ? Error{0, "is missing", "--board", "see --help"}
                                     : Error{0, "is no board", name,
                                             fmt::format("there are {}", fmt::join(names, ", "))});
    }
    if (options.directory.empty())
        return unusable(Error{0, "is missing", "--directory", "see --help"});
    const auto kind = board::parse_time(time);
    if (!kind) return unusable(kind.error());
    options.time = *kind;
    const bool is_virtual = *kind == board::Time::simulated;
    if (duration.empty()) duration = is_virtual ? "16ms" : "real";
    const auto parsed = board::parse_duration(duration);
    if (!parsed) return unusable(parsed.error());
    options.duration = *parsed;
    if (is_virtual && options.duration == board::Nanoseconds{0})
        return unusable(Error{0, "is no virtual time", "--duration real", "such as 16ms"});
    for (const auto& fault : faults) {
        auto rule = board::parse_fault_rule(fault);
        if (!rule) return unusable(rule.error());
        options.faults.push_back(std::move(*rule));
    }
    return serve(*description, options);
}
