// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <relfence/lab/console_log.hpp>

namespace relfence::lab {

/// How a cell came to its text.
enum class Verdict {
    seen,   ///< the case ran, or the kernel's console decided
    skip,   ///< the case does not apply; details say why
    error,  ///< the case or the lab broke: never as expected, whatever is expected
};

/// One cell of the table.
struct Cell {
    CellId id;
    std::string kernel;
    std::string expected;  ///< text or /regex/; empty: nothing was said
    std::string seen;
    Verdict verdict = Verdict::seen;
    bool ok = false;
    std::string log;  ///< the guest's console, relative to the report
    nlohmann::json details = nlohmann::json::object();
    nlohmann::json samples = nlohmann::json::object();
    std::vector<std::string> artifacts;  ///< files, relative to the report
};

/// Everything that a run found out.
struct Report {
    nlohmann::json versions = nlohmann::json::object();
    nlohmann::json kernels = nlohmann::json::array();
    nlohmann::json cases = nlohmann::json::array();  ///< case, title, catches, why
    std::vector<std::string> kernel_names;           ///< columns, in their order
    std::vector<Cell> cells;

    [[nodiscard]] const Cell* find(const CellId& id, const std::string& kernel) const;
    /// The rows of the table in the order of their first appearance.
    [[nodiscard]] std::vector<CellId> rows() const;
    [[nodiscard]] std::size_t unexpected() const;
};

[[nodiscard]] nlohmann::json to_json(const Report& report);

/// Rows are cells, columns kernels; what does not fit into @p width columns is cut with "...".
/// Unexpected cells have a "!" before them, and are red when @p colour.
[[nodiscard]] std::string to_table(const Report& report, std::size_t width, bool colour);

/// For each unexpected cell: what was expected, what was seen, where the console log is.
[[nodiscard]] std::string unexpected_blocks(const Report& report);

}  // namespace relfence::lab
