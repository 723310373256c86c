// SPDX-License-Identifier: MIT
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "devices/describe.hpp"
#include "relfence-commands.hpp"

namespace relfence::app {

Command add_list(CLI::App& app) {
    CLI::App* const command =
        app.add_subcommand("list", "name the devices that make or show frames");
    auto as_json = std::make_shared<bool>(false);
    command->add_flag("--json", *as_json, "for programs");
    command->footer(
        "Opens each device and changes none. Exit code: 0.\n\n"
        "Examples:\n  relfence list\n  relfence list --json | jq '.video[].driver'");
    return [as_json] {
        const auto inventory = devices::take_inventory();
        if (*as_json)
            // Names of hardware need not be UTF-8.
            fmt::print("{}\n", devices::to_json(inventory).dump(
                                   2, ' ', false, nlohmann::json::error_handler_t::replace));
        else
            fmt::print("{}", devices::to_text(inventory));
        return exit_ok;
    };
}

}  // namespace relfence::app
