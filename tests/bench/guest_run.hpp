// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <relfence/base/error.hpp>

namespace relfence::bench {

/// A guest on a board, by way of relfence-lab exec as anybody would start it.
struct GuestRun {
    std::string kernel = "v2";
    std::filesystem::path scratch;  ///< for files of the run; the guest sees it
    std::chrono::seconds timeout{120};
    std::vector<std::string> board_arguments;  ///< more of relfence-board
};

/// What a run left.
struct GuestResult {
    int code = 0;  ///< of relfence-lab
    std::string output, error, console;
    nlohmann::json statistics;     ///< of the board
    double seconds_to_output = 0;  ///< from the start of relfence-lab to the first line of output
    double seconds = 0;            ///< to its end
};

/// Runs @p command in a new guest on a new board. Fails when there was no guest.
[[nodiscard]] Result<GuestResult> run_in_guest(const GuestRun& run,
                                               const std::vector<std::string>& command);

/// A program beside this one: "relfence-lab".
[[nodiscard]] std::filesystem::path program_beside_us(const char* name);

/// Lines of a console that a kernel which does well does not write: warnings, lock reports, and
/// jobs that did not end in time.
[[nodiscard]] std::vector<std::string> complaints_of(const std::string& console);

}  // namespace relfence::bench
