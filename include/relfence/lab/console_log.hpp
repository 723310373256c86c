// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relfence::lab {

/// What a line of the kernel's console can mean, the gravest first.
enum class FindingKind { oops, panic, hung_task, lockdep_splat, warning };

/// "oops", "panic", "hung task", "lockdep splat", "warning": the words that reports use.
[[nodiscard]] std::string_view finding_name(FindingKind kind);

/// A case with a driver: one row of the table.
struct CellId {
    std::string name;  ///< the case
    std::string driver;
    auto operator<=>(const CellId&) const = default;
    [[nodiscard]] std::string text() const { return name + "/" + driver; }
};

/// A line of the console that says that the kernel is in trouble.
struct Finding {
    FindingKind kind = FindingKind::warning;
    std::string line;            ///< without the time stamp
    std::size_t number = 0;      ///< of the line in the log, from 1
    std::optional<CellId> cell;  ///< that was running; none during boot
};

/// What one line of a console means; nothing for an ordinary one. On UML a bad pointer in the
/// kernel ends in a panic that names the fault: that counts as an oops, as it would be elsewhere.
[[nodiscard]] std::optional<FindingKind> classify_line(std::string_view line);

/// Takes the "[    0.230000] " off a console line.
[[nodiscard]] std::string_view without_timestamp(std::string_view line);
/// The time of that stamp, if there is one.
[[nodiscard]] std::optional<std::chrono::microseconds> timestamp(std::string_view line);

/// Reads a guest's console as it comes, and knows which cell was running when: relfence-cases
/// writes "relfence: case CASE/DRIVER" to it before each. Not thread-safe.
class ConsoleLog {
  public:
    void feed(std::string_view bytes);
    /// What is left without a newline counts as a line: a dying kernel does not end its last one.
    void finish();

    [[nodiscard]] const std::vector<Finding>& findings() const { return findings_; }
    /// The marks in the order of their appearance.
    [[nodiscard]] const std::vector<CellId>& marks() const { return marks_; }
    [[nodiscard]] std::optional<CellId> running() const;
    /// The cell that was running at a time of the board. In virtual time that clock and the
    /// kernel's, which the marks have, differ by two jiffies of 10 ms at most, and relfence-cases
    /// lets 100 ms pass before a mark.
    [[nodiscard]] std::optional<CellId> running_at(std::chrono::microseconds time) const;
    /// The gravest finding while @p cell was running; with no cell: during boot.
    [[nodiscard]] const Finding* worst(const std::optional<CellId>& cell) const;

  private:
    void take_line(std::string_view line);

    std::string partial_;
    std::size_t lines_ = 0;
    std::vector<Finding> findings_;
    std::vector<CellId> marks_;
    std::vector<std::chrono::microseconds> mark_times_;  ///< beside them
};

}  // namespace relfence::lab
