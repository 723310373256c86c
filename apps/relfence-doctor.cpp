// SPDX-License-Identifier: MIT
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "devices/describe.hpp"
#include "doctor/facts.hpp"
#include "doctor/fence_look.hpp"
#include "relfence-commands.hpp"

namespace relfence::app {
namespace {

struct DoctorArguments {
    bool as_json = false;
    bool passive = false;
};

int run_doctor(const DoctorArguments& arguments) {
    using json = nlohmann::ordered_json;
    const auto inventory = devices::take_inventory();
    const doctor::Sources sources{"/", doctor::environment_of_process()};
    std::vector<std::string> drivers;
    for (const auto& device : inventory.video.mem2mem) drivers.push_back(device.driver);
    for (const auto& device : inventory.drm.devices) drivers.push_back(device.driver);

    json facts;
    facts["program"] = "relfence " RELFENCE_VERSION;
    facts.update(doctor::collect_facts(sources, drivers));
    json fences = json::object();
    if (!arguments.passive)
        for (const auto& device : inventory.video.mem2mem)
            fences[fmt::format("{} {}", device.path, device.driver)] =
                doctor::look_for_fence(device);
    facts["fences"] = arguments.passive ? json("not looked for, because of --passive") : fences;

    const auto secrets = doctor::find_secrets("/", sources.environment);
    if (arguments.as_json) {
        // As text first, so that the names of members are in the order of the inventory's own.
        facts["devices"] = json::parse(
            devices::to_json(inventory).dump(-1, ' ', false, json::error_handler_t::replace));
        fmt::print("{}\n", doctor::redact_json(facts, secrets)
                               .dump(2, ' ', false, json::error_handler_t::replace));
        return exit_ok;
    }
    fmt::print(
        "{}{}\nHost and user names, home directories, serial numbers and addresses are left "
        "out. Read it before you post it.\n",
        doctor::redact(devices::to_text(inventory), secrets),
        doctor::facts_to_text(doctor::redact_json(facts, secrets)));
    return exit_ok;
}

}  // namespace

Command add_doctor(CLI::App& app) {
    CLI::App* const command =
        app.add_subcommand("doctor", "gather what a bug report needs, without names");
    auto arguments = std::make_shared<DoctorArguments>();
    command->add_flag("--json", arguments->as_json, "for programs");
    command->add_flag("--passive", arguments->passive,
                      "bring no device to work to see whether its frames have fences");
    command->footer(
        "Names of the host and of people, home directories, serial numbers, MAC addresses and "
        "UUIDs\n"
        "are replaced. Exit code: 0.\n\n"
        "Examples:\n  relfence doctor > report.txt\n  relfence doctor --json | jq .fences");
    return [arguments] { return run_doctor(*arguments); };
}

}  // namespace relfence::app
