// SPDX-License-Identifier: MIT
// How the programs end, and what they say when they cannot do their work.
#pragma once

#include <cerrno>
#include <cstdio>
#include <string_view>

#include <fmt/format.h>

#include <relfence/base/error.hpp>

namespace relfence::app {

inline constexpr int exit_ok = 0;
inline constexpr int exit_failed = 1;         ///< a check failed, a result is not as expected
inline constexpr int exit_error = 2;          ///< bad input, or the tool could not do its work
inline constexpr int exit_nothing = 77;       ///< there is nothing here to test, as automake has it
inline constexpr int exit_interrupted = 130;  ///< by Ctrl-C, as shells have it

/// Prints an error as the program's one line. @param program "relfence-lab fleet"
/// @return exit_error, or exit_interrupted for a Ctrl-C
inline int complain_as(std::string_view program, const Error& error) {
    if (error.code == EINTR) {
        fmt::print(stderr, "{}: interrupted\n", program);
        return exit_interrupted;
    }
    fmt::print(stderr, "{}: {}\n", program, error.message());
    return exit_error;
}

}  // namespace relfence::app
