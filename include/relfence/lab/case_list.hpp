// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <relfence/base/error.hpp>
#include <relfence/lab/console_log.hpp>

namespace relfence::lab {

/// A case as `relfence-cases list --json` tells it.
struct CaseInfo {
    std::string name;
    std::string title;
    std::string catches;
    std::vector<std::string> drivers;
    /// By driver: relfence-board's arguments for the board that it needs. None: no board.
    std::map<std::string, std::vector<std::string>> boards{};
    std::vector<std::string> kernel_arguments{};  ///< for the guest's command line
};

/// Asks the program for its cases. @return an error that names the program: missing, failed, or not
/// of the format [{"case", "title", "catches", "drivers": [...], "boards": {...},
/// "kernel_arguments": [...]}]
[[nodiscard]] Result<std::vector<CaseInfo>> list_cases(const std::filesystem::path& program);

/// The cells of the cases that fit: any of @p globs (none: all cases) and of @p drivers (none:
/// all). Those of drivers with hardware come first.
[[nodiscard]] std::vector<CellId> choose_cells(const std::vector<CaseInfo>& cases,
                                               const std::vector<std::string>& globs,
                                               const std::vector<std::string>& drivers);

/// A line of `relfence-cases run --out FILE`.
struct CaseLine {
    bool is_result = false;  ///< else the start of the cell
    CellId cell;
    std::string verdict;  ///< "seen", "skip", "error"
    std::string seen;
    std::string reason;
    nlohmann::json details = nlohmann::json::object();
    nlohmann::json samples = nlohmann::json::object();
    std::vector<std::string> artifacts;
};

/// Reads the lines that are whole and well-formed: a crash may cut the last one.
/// @param malformed counts the others, if not null
[[nodiscard]] std::vector<CaseLine> parse_case_lines(std::string_view text,
                                                     std::size_t* malformed = nullptr);

}  // namespace relfence::lab
