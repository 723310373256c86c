// SPDX-License-Identifier: MIT
// The commands of relfence: each adds itself to the command line and gives back what runs it.
#pragma once

#include <functional>

#include <CLI/CLI.hpp>

#include <relfence/base/error.hpp>

namespace relfence::app {

inline constexpr int exit_ok = 0;
inline constexpr int exit_failed = 1;    ///< a check failed, a comparison went the wrong way
inline constexpr int exit_error = 2;     ///< bad input, or the tool could not do its work
inline constexpr int exit_nothing = 77;  ///< there is nothing here to test, as automake has it

/// Prints an error as the program's one line. @return exit_error, or 130 for a Ctrl-C
int complain(const Error& error);

/// What main() runs once the command line is parsed. Gives the exit code.
using Command = std::function<int()>;

Command add_check(CLI::App& app);
Command add_list(CLI::App& app);
Command add_bench(CLI::App& app);
Command add_doctor(CLI::App& app);
Command add_trace(CLI::App& app);

}  // namespace relfence::app
