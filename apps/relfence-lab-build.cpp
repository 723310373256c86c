// SPDX-License-Identifier: MIT
#include <cstdio>
#include <memory>

#include <fmt/format.h>

#include "relfence-lab-commands.hpp"

namespace relfence::lab {
namespace {

struct BuildArguments {
    ProjectOptions project;
    std::vector<std::string> kernels;
    bool all = false;
    bool where = false;
};

Result<std::vector<KernelSpec>> chosen(const BuildArguments& arguments, const KernelList& list) {
    std::vector<KernelSpec> specs;
    for (const auto& name : arguments.kernels) {
        auto spec = list.find(name);
        if (!spec) return tl::make_unexpected(spec.error());
        specs.push_back(std::move(*spec));
    }
    return specs.empty() ? list.chosen(arguments.all) : specs;
}

std::string describe(const BuiltKernel& kernel) {
    if (kernel.cached) return fmt::format("{}: {}, cached", kernel.name, kernel.release);
    const auto seconds = static_cast<double>(kernel.duration.count()) / 1000;
    return fmt::format("{}: {}, built in {:.1f} s, {} objects{}", kernel.name, kernel.release,
                       seconds, kernel.objects,
                       kernel.derived_from.empty() ? "" : " on top of " + kernel.derived_from);
}

int build_kernels(const BuildArguments& arguments, const Interrupts& interrupts) {
    auto bench = open_workbench(arguments.project, interrupts);
    if (!bench) return complain(bench.error());
    const auto specs = chosen(arguments, bench->kernels);
    if (!specs) return complain(specs.error());
    const auto built = bench->builder.build_all(*specs, [&arguments](const BuiltKernel& kernel) {
        if (arguments.where) return;
        fmt::print("{}\n", describe(kernel));
        std::fflush(stdout);
    });
    if (!built) return complain(built.error());
    if (arguments.where)
        for (const auto& kernel : *built) fmt::print("{}\n", kernel.directory.string());
    return exit_ok;
}

}  // namespace

Command add_build(CLI::App& app) {
    auto arguments = std::make_shared<BuildArguments>();
    CLI::App* command = app.add_subcommand("build", "build kernels, or find them in the cache");
    command->add_option("kernels", arguments->kernels,
                        "kernels by name (default: all that are not optional)");
    command->add_flag("--all", arguments->all, "the optional ones too");
    command->add_flag("--where", arguments->where, "print only the directory of each kernel");
    add_project_options(*command, arguments->project);
    command->footer(
        "A kernel is kept in ${XDG_CACHE_HOME:-~/.cache}/relfence under a key made of the content\n"
        "of source, patches and configuration and of the compiler's version. The first one is\n"
        "built from scratch; the next ones start from a copy of its objects. A build that was\n"
        "interrupted leaves nothing.\n"
        "\n"
        "Exit code: 0 all built, 2 bad input or a build failed, 130 interrupted.\n"
        "\n"
        "Examples:\n"
        "  relfence-lab build\n"
        "  relfence-lab build v2 --tree path/to/linux-6.12.y\n"
        "  relfence-lab build --all --jobs 4");
    return
        [arguments](const Interrupts& interrupts) { return build_kernels(*arguments, interrupts); };
}

}  // namespace relfence::lab
