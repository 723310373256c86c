// SPDX-License-Identifier: MIT
#include <memory>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "checks/output.hpp"
#include "checks/run.hpp"
#include "devices/kernel.hpp"
#include "relfence-commands.hpp"

namespace relfence::app {
namespace {

struct CheckOptions {
    std::vector<std::string> devices;
    std::vector<std::string> globs;
    bool all = false;
    bool list = false;
    bool strict = false;
    bool as_json = false;
    bool as_ktap = false;
};

int list_checks() {
    for (const auto& check : checks::all_checks())
        fmt::print("{:<16}  {}\n{:<16}  when it fails: {}\n", check.name, check.title, "",
                   check.symptom);
    return exit_ok;
}

/// The devices to look at, and for those that were named the reason why one cannot be.
Result<std::vector<devices::VideoDevice>> chosen_devices(const CheckOptions& options) {
    if (options.devices.empty()) {
        auto found = devices::list_video();
        for (const auto& unreadable : found.unreadable)
            fmt::print(stderr, "relfence: {}\n", unreadable.error.message());
        return std::move(found.mem2mem);
    }
    std::vector<devices::VideoDevice> devices;
    for (const std::string& path : options.devices) {
        auto device = devices::describe_video(path);
        if (!device) return tl::make_unexpected(device.error());
        devices.push_back(std::move(*device));
    }
    return devices;
}

int run_checks(const CheckOptions& options) {
    if (options.list) return list_checks();
    const checks::Plan plan{checks::choose(options.globs), options.strict};
    if (plan.checks.empty())
        return complain(fail("is the name of no check", options.globs.front(),
                             "relfence check --list names them")
                            .value());
    const auto devices = chosen_devices(options);
    if (!devices) return complain(devices.error());
    if (devices->empty()) {
        fmt::print(stderr, "relfence: no mem2mem video device here: nothing to test\n");
        return exit_nothing;
    }
    const bool as_text = !options.as_json && !options.as_ktap;
    const bool colour = ::isatty(STDOUT_FILENO) != 0;
    std::vector<checks::Section> sections;
    for (const auto& device : *devices) {
        auto more = checks::check_device(
            device, plan,
            [&](const checks::Section& section) {
                if (as_text) fmt::print("{}", checks::heading(section));
                std::fflush(stdout);
            },
            [&](const checks::Row& row) {
                if (as_text) fmt::print("{}", checks::line(row, colour));
                std::fflush(stdout);
            });
        for (auto& section : more) sections.push_back(std::move(section));
    }
    const auto counts = checks::count(sections);
    const std::string kernel = devices::describe_kernel().release;
    if (options.as_json)
        // What a driver calls itself need not be UTF-8.
        fmt::print("{}\n", checks::to_json(sections, kernel)
                               .dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    else if (options.as_ktap)
        fmt::print("{}", checks::to_ktap(sections));
    else
        fmt::print("{}; relfence {}, Linux {}\n", checks::totals(counts), RELFENCE_VERSION, kernel);
    return checks::exit_code(counts);
}

}  // namespace

Command add_check(CLI::App& app) {
    CLI::App* const command =
        app.add_subcommand("check", "whether drivers give real fences with their frames");
    auto options = std::make_shared<CheckOptions>();
    auto* const device = command->add_option("-d,--device", options->devices,
                                             "only this video device; may be repeated");
    command->add_flag("--all", options->all, "every mem2mem device (the default)")
        ->excludes(device);
    command->add_option("--filter", options->globs, "only checks that fit GLOB; may be repeated");
    command->add_flag("--strict", options->strict, "count a warning as a failure");
    command->add_flag("--list", options->list, "name the checks, and what a user sees of each bug");
    auto* const json = command->add_flag("--json", options->as_json, "for programs");
    command->add_flag("--ktap", options->as_ktap, "for test harnesses")->excludes(json);
    command->footer(
        "Brings each device to work with streams of its own, and leaves it as it was. What each\n"
        "check does, and what its failure means, is in docs/checks.md.\n\n"
        "A warning is something that users see and that V4L2 allows; it is counted and shown.\n\n"
        "Exit code: 0 nothing that was tested failed, 1 a check failed, 2 a device could not be "
        "used,\n"
        "77 nothing could be tested.\n\n"
        "Examples:\n  relfence check\n  relfence check --device /dev/video1 --filter 'imported-*'\n"
        "  relfence check --json | jq '.checks[] | select(.verdict == \"fail\")'");
    return [options] { return run_checks(*options); };
}

}  // namespace relfence::app
