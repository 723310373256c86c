// SPDX-License-Identifier: MIT
// The commands of relfence: each adds itself to the command line and gives back what runs it.
#pragma once

#include <functional>

#include <CLI/CLI.hpp>

#include "relfence-exit.hpp"

namespace relfence::app {

/// Prints an error as the program's one line. @return the exit code
int complain(const Error& error);

/// What main() runs once the command line is parsed. Gives the exit code.
using Command = std::function<int()>;

Command add_check(CLI::App& app);
Command add_list(CLI::App& app);
Command add_bench(CLI::App& app);
Command add_doctor(CLI::App& app);
Command add_trace(CLI::App& app);

}  // namespace relfence::app
