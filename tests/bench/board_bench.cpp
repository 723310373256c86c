// SPDX-License-Identifier: MIT
// Measurements of a whole board: the drivers of a real kernel, the models, and a program that keeps
// them busy.
#include <fstream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <relfence/lab/scratch.hpp>

#include "figures.hpp"
#include "soak.hpp"

namespace {

using namespace relfence;
using nlohmann::json;

constexpr int bad = 1, unusable = 2;

int complain(const Error& error) {
    fmt::print(stderr, "board-bench: {}\n", error.message());
    return unusable;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Measures a modelled board with Linux's own drivers on it.", "board-bench"};
    app.footer(
        "The kernels are those of relfence-lab, which must have built them.\n"
        "Exit code: 0 measured, and a soak was good; 1 a soak was not; 2 could not measure.");
    app.require_subcommand(1);
    bench::GuestRun run;
    bench::FigureOptions options;
    unsigned seconds = 600;
    std::string file;
    CLI::App* const figures =
        app.add_subcommand("figures", "frames per second, register accesses, interrupts, boot");
    figures->add_option("--rounds", options.rounds, "how often everything is measured")
        ->capture_default_str()
        ->check(CLI::Range(1, 1000));
    figures->add_option("--seconds", options.seconds, "that a clip takes libvpx alone, about")
        ->capture_default_str();
    figures
        ->add_option("--clips", options.clips, "directory where clips are kept for the next time")
        ->check(CLI::ExistingDirectory);
    figures->add_flag("!--no-gstreamer", options.gstreamer, "leave GStreamer out");
    CLI::App* const soak = app.add_subcommand(
        "soak", "six programs at once on two drivers, and what they lost on the way");
    soak->add_option("--seconds", seconds, "how long")->capture_default_str();
    for (CLI::App* const command : {figures, soak}) {
        command->add_option("-k,--kernel", run.kernel, "see relfence-lab exec --help")
            ->capture_default_str();
        command
            ->add_option("--board-arg", run.board_arguments,
                         "one more argument of relfence-board, e.g. --board-arg=--fault=rga:5:hang")
            ->allow_extra_args(false);
        command->add_option("--json", file, "gets the report");
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : unusable;
    }
    const auto scratch = lab::Scratch::create();
    if (!scratch) return complain(scratch.error());
    run.scratch = scratch->path();
    const bool soaking = soak->parsed();
    const auto report = soaking ? bench::soak(run, seconds) : bench::measure_figures(run, options);
    if (!report) return complain(report.error());
    soaking ? bench::print_soak(*report) : bench::print_figures(*report);
    if (!file.empty()) {
        std::ofstream out{file};
        out << report->dump(1) << std::endl;
        if (!out) return complain(fail_errno("write", file).value());
    }
    return soaking && !(*report)["good"].get<bool>() ? bad : 0;
}
