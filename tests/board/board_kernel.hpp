// SPDX-License-Identifier: MIT
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include <relfence/lab/process.hpp>

namespace relfence::board {

/// The `linux` of a kernel with the board's drivers.
/// @param variable of the environment that names it, for a kernel of one's own; else it is:
/// @param kernel   of the project that @p project is, in the lab's cache, where the CTest fixtures
///                 put it
/// @return empty, and the test fails, when there is none
inline std::filesystem::path board_kernel(const char* variable, const std::string& kernel,
                                          const std::string& project) {
    if (const char* named = std::getenv(variable)) return named;
    const auto where =
        lab::run_command({RELFENCE_LAB, "build", "--where", kernel, "--project", project});
    if (where && where->ok())
        return std::filesystem::path{where->output.substr(0, where->output.find('\n'))} / "linux";
    ADD_FAILURE() << "no kernel " << kernel << ": "
                  << (where ? where->error : where.error().message());
    return {};
}

}  // namespace relfence::board
