// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/lab/console_log.hpp>

namespace relfence::lab {

/// What a cell is expected to show: the exact text, or /a regular expression/ for all of it.
class Expected {
  public:
    /// @return an error when the expression is malformed
    [[nodiscard]] static Result<Expected> parse(const std::string& text);
    [[nodiscard]] bool matches(const std::string& seen) const;
    [[nodiscard]] const std::string& text() const { return text_; }

  private:
    std::string text_;
    std::optional<std::regex> expression_;
};

/// What lab/cases.json expects of a case; the case itself tells its title and what it catches.
struct CaseExpectations {
    std::string name;
    std::map<std::string, std::string> why;  ///< by kernel: why this is expected of it
    /// kernel, then driver; the driver "*" stands for each that is not named.
    std::map<std::string, std::map<std::string, Expected>> expected;
};

/// lab/cases.json.
struct Expectations {
    std::vector<CaseExpectations> cases;

    [[nodiscard]] const CaseExpectations* find(const std::string& name) const;
    [[nodiscard]] const Expected* find(const CellId& cell, const std::string& kernel) const;
    /// Expects of @p kernel what is expected of @p from, except where the file says otherwise.
    void inherit(const std::string& kernel, const std::string& from);
};

/// Reads
///
///     {"cases": [{"case": "in-flight-fence",
///                 "expected": {"v2": {"vicodec": "fence, pending", "*": "/fence.*/"}},
///                 "why": {"v2": "..."}}]}
///
/// @return an error that names the file, the case and what is wrong
[[nodiscard]] Result<Expectations> load_expectations(const std::filesystem::path& file);

}  // namespace relfence::lab
