// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <relfence/lab/report.hpp>

namespace relfence::lab {

/// A KUnit suite as a kernel's console tells it.
struct KunitSuite {
    std::string name;
    std::size_t passed = 0;
    std::size_t failed = 0;
    std::size_t skipped = 0;
    std::vector<std::string> failures;  ///< names of the tests that failed
    bool complete = false;              ///< the suite's own result line came
    bool skipped_whole = false;         ///< it said that it does not apply to this kernel

    /// "11 passed, 0 failed" and ", 2 skipped" when there are any; "incomplete" before it when the
    /// kernel died in the middle.
    [[nodiscard]] std::string summary() const;
};

/// Finds the suites in a console log: KTAP of Linux 6.12 between other messages, with time stamps.
/// Counts test cases; a parameterised one counts once for each of its parameters.
[[nodiscard]] std::vector<KunitSuite> parse_kunit(std::string_view console);

/// The report as KTAP version 1: one subtest for each kernel, one result for each cell, what was
/// expected and seen as diagnostics before a failing one.
[[nodiscard]] std::string to_ktap(const Report& report);

}  // namespace relfence::lab
