// SPDX-License-Identifier: MIT
// The commands of relfence-lab: each adds itself to the command line and gives back what runs it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include <relfence/lab/builder.hpp>
#include <relfence/lab/kernel_list.hpp>
#include <relfence/lab/process.hpp>

#include "relfence-exit.hpp"

namespace relfence::lab {

inline constexpr int exit_ok = app::exit_ok;
inline constexpr int exit_unexpected = app::exit_failed;
inline constexpr int exit_error = app::exit_error;

/// Prints an error as the lab's one line. @return the exit code
int complain(const Error& error);

/// Options that several commands have, and what they lead to.
struct ProjectOptions {
    std::string project;  ///< --project
    std::string tree;     ///< --tree
    std::string version;  ///< --kernel-version
    int jobs = 0;         ///< --jobs
};
void add_project_options(CLI::App& command, ProjectOptions& options);

/// The project's kernels and a builder for them.
struct Workbench {
    std::filesystem::path project;
    KernelList kernels;
    Cache cache;
    Builder builder;
};
Result<Workbench> open_workbench(const ProjectOptions& options, const Interrupts& interrupts);

/// What main() runs once the command line is parsed.
using Command = std::function<int(const Interrupts&)>;

Command add_build(CLI::App& app);
Command add_exec(CLI::App& app);
Command add_shell(CLI::App& app);
Command add_run(CLI::App& app);
Command add_compare(CLI::App& app);
Command add_cache(CLI::App& app);
Command add_page(CLI::App& app);
Command add_clean(CLI::App& app);
Command add_source(CLI::App& app);

}  // namespace relfence::lab
