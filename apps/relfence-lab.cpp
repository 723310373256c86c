// SPDX-License-Identifier: MIT
#include <cstdio>
#include <filesystem>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "relfence-lab-commands.hpp"

namespace relfence::lab {

int complain(const Error& error) {
    return app::complain_as("relfence-lab", error);
}

void add_project_options(CLI::App& command, ProjectOptions& options) {
    command.add_option(
        "--project", options.project,
        "directory with kernel/kernels.json (default: found from the program's own)");
    command.add_option("--tree", options.tree,
                       "kernel source tree of your own (default: Debian's linux-source package)");
    command.add_option("--kernel-version", options.version,
                       "series of Linux whose kernels are meant when none is named (default: that\n"
                       "of --tree, else the first of kernels.json)");
    command.add_option("-j,--jobs", options.jobs,
                       "compilers at the same time (default: all cores)");
}

Result<Workbench> open_workbench(const ProjectOptions& options, const Interrupts& interrupts) {
    Result<std::filesystem::path> project =
        options.project.empty() ? find_project() : std::filesystem::path{options.project};
    if (!project) return tl::make_unexpected(project.error());
    auto kernels = load_kernel_list(*project / "kernel" / "kernels.json");
    if (!kernels) return tl::make_unexpected(kernels.error());
    auto cache = Cache::open();
    if (!cache) return tl::make_unexpected(cache.error());
    if (!options.tree.empty()) {
        const auto series = tree_series(options.tree);
        const std::string usual = kernels->version;
        if (!series || !kernels->choose_version(*series)) {
            auto source = identify_source(*cache, options.tree, usual);
            if (!source) return tl::make_unexpected(source.error());
        }
        if (!options.version.empty() && options.version != kernels->version)
            return fail(fmt::format("is Linux {}, not {}", kernels->version, options.version),
                        options.tree);
    } else if (!options.version.empty()) {
        if (auto known = kernels->choose_version(options.version); !known)
            return tl::make_unexpected(known.error());
    }
    Builder builder{*cache, {options.tree, options.jobs, &interrupts}};
    return Workbench{*project, *kernels, *cache, std::move(builder)};
}

}  // namespace relfence::lab

namespace {

/// Becomes relfence-lab-fleet, -matrix or -verify. They are programs of their own, which the demo
/// does not need, and need not be there: the first two want yaml-cpp.
int become(const std::string& name, const std::string& hint, char** argv) {
    std::error_code error;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
    const std::string program = self.parent_path() / name;
    ::execv(program.c_str(), argv + 1);
    auto failure = relfence::fail_errno("run", program).value();
    failure.hint = hint + "scripts/build build --target " + name;
    return relfence::lab::complain(failure);
}

}  // namespace

int main(int argc, char** argv) {
    using namespace relfence::lab;
    const std::string_view first = argc > 1 ? argv[1] : "";
    for (const std::string name : {"fleet", "matrix"})
        if (first == name)
            return become("relfence-lab-" + name, "apt-get install libyaml-cpp-dev, then ", argv);
    if (first == "verify") return become("relfence-lab-verify", "", argv);
    CLI::App app{"Builds kernels for User Mode Linux, boots them and runs programs in them."};
    app.set_version_flag("--version", "relfence-lab " RELFENCE_VERSION);
    app.require_subcommand(1);
    app.footer(
        "Exit code: 0 all well, 1 a result is not as expected, 2 bad input or a tool failed.");
    std::vector<std::pair<std::string, Command>> commands{
        {"build", add_build(app)}, {"exec", add_exec(app)},       {"shell", add_shell(app)},
        {"run", add_run(app)},     {"compare", add_compare(app)}, {"cache", add_cache(app)},
        {"page", add_page(app)},   {"clean", add_clean(app)},     {"source", add_source(app)}};
    app.add_subcommand("fleet", "which patches go into the kernel of which host");
    app.add_subcommand("matrix", "every suite on every kernel and board, here or on LAVA");
    app.add_subcommand("verify",
                       "pass a series through the gates: applies, builds, is clean, works");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? exit_ok : exit_error;
    }
    // Before any thread, so that all of them have these signals blocked.
    const auto interrupts = Interrupts::create();
    if (!interrupts) return complain(interrupts.error());
    for (const auto& [name, command] : commands)
        if (app.got_subcommand(name)) return command(*interrupts);
    return exit_error;
}
