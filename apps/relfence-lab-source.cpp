// SPDX-License-Identifier: MIT
#include <memory>

#include <fmt/format.h>

#include <relfence/lab/source.hpp>
#include <relfence/lab/source_fetch.hpp>

#include "relfence-lab-commands.hpp"

namespace relfence::lab {
namespace {

struct SourceArguments {
    std::string version;
    bool update = false;
};

int show_source(const SourceArguments& arguments, const Interrupts& interrupts) {
    const auto series = series_of(arguments.version);
    if (!series) return complain(series.error());
    const auto cache = Cache::open();
    if (!cache) return complain(cache.error());
    std::filesystem::path tarball = find_tarball(*cache, *series);
    std::error_code error;
    if (arguments.update || arguments.version != *series ||
        !std::filesystem::exists(tarball, error)) {
        auto fetched =
            fetch_source(*cache, arguments.version, &interrupts,
                         [](const std::string& text) { fmt::print(stderr, "{}\n", text); });
        if (!fetched) return complain(fetched.error());
        tarball = std::move(*fetched);
    }
    fmt::print("{}\n", tarball.string());
    return exit_ok;
}

}  // namespace

Command add_source(CLI::App& app) {
    auto arguments = std::make_shared<SourceArguments>();
    CLI::App* command = app.add_subcommand("source", "find or fetch the source of a kernel");
    command
        ->add_option("version", arguments->version,
                     "a series of Linux, or one release of it: 7.3, 7.3.4")
        ->required();
    command->add_flag("--update", arguments->update, "fetch what is newest now");
    command->footer(
        "Prints where the tarball is: that of an installed linux-source package, or one in the\n"
        "cache, which is fetched from Debian (trixie-backports or sid) if it is not there. The\n"
        "machine's list of package sources stays as it is, and no root rights are needed. "
        "Building\n"
        "a kernel does this by itself.\n"
        "\n"
        "Exit code: 0 it is there, 2 it cannot be had, 130 interrupted.\n"
        "\n"
        "Examples:\n"
        "  relfence-lab source 7.3\n"
        "  relfence-lab source 7.2 --update\n"
        "  relfence-lab source 7.2.13");
    return
        [arguments](const Interrupts& interrupts) { return show_source(*arguments, interrupts); };
}

}  // namespace relfence::lab
