// SPDX-License-Identifier: MIT
#include <cstdio>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "relfence-commands.hpp"

namespace relfence::app {

int complain(const Error& error) {
    return complain_as("relfence", error);
}

}  // namespace relfence::app

int main(int argc, char** argv) {
    using namespace relfence::app;
    CLI::App app{"Looks at the fences that V4L2 mem2mem drivers give with their frames."};
    app.name("relfence");
    app.set_version_flag("--version", "relfence " RELFENCE_VERSION);
    app.require_subcommand(1);
    app.footer(
        "Exit code: 0 all well, 1 a check failed, 2 bad input or the tool could not do its work, "
        "77 nothing to test.");
    const std::vector<std::pair<CLI::App*, Command>> commands = [&app] {
        std::vector<std::pair<CLI::App*, Command>> all;
        for (const auto add : {add_list, add_check, add_bench, add_trace, add_doctor}) {
            Command run = add(app);
            all.emplace_back(app.get_subcommands(nullptr).back(), std::move(run));
        }
        return all;
    }();
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? exit_ok : exit_error;
    }
    for (const auto& [command, run] : commands)
        if (command->parsed()) return run();
    return exit_error;
}
