// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include <relfence/lab/console_log.hpp>

namespace relfence::lab {
namespace {

/// The texts of Linux 6.12 (and UML's arch/um/kernel/trap.c). The first that fits decides, so what
/// is more exact stands before what is more general.
constexpr std::array patterns = std::to_array<std::pair<std::string_view, FindingKind>>({
    {"Kernel mode fault at addr", FindingKind::oops},
    {"Segfault with no mm", FindingKind::oops},
    {"Kernel tried to access user memory", FindingKind::oops},
    {"Kernel mode signal", FindingKind::oops},
    {"kernel NULL pointer dereference", FindingKind::oops},
    {"BUG: unable to handle", FindingKind::oops},
    {"general protection fault", FindingKind::oops},
    {"Oops:", FindingKind::oops},
    {"Unable to handle kernel ", FindingKind::oops},  // arm64
    {"Internal error: ", FindingKind::oops},

    {"possible circular locking dependency", FindingKind::lockdep_splat},
    {"possible recursive locking", FindingKind::lockdep_splat},
    {"possible irq lock inversion", FindingKind::lockdep_splat},
    {"inconsistent lock state", FindingKind::lockdep_splat},
    {"lock order detected", FindingKind::lockdep_splat},
    {"suspicious RCU usage", FindingKind::lockdep_splat},
    {"Invalid wait context", FindingKind::lockdep_splat},
    {"bad unlock balance", FindingKind::lockdep_splat},
    {"bad contention detected", FindingKind::lockdep_splat},
    {"held lock freed", FindingKind::lockdep_splat},
    {"lock held when returning to user space", FindingKind::lockdep_splat},
    {"still has locks held", FindingKind::lockdep_splat},
    {"BUG: workqueue leaked", FindingKind::lockdep_splat},
    {"BUG: sleeping function called", FindingKind::lockdep_splat},
    {"BUG: scheduling while atomic", FindingKind::lockdep_splat},
    {"DEBUG_LOCKS_WARN", FindingKind::lockdep_splat},
    // With the validator off, silence would be taken for a clean run.
    {"turning off the locking correctness validator", FindingKind::lockdep_splat},

    {"Kernel panic", FindingKind::panic},
    {"kernel BUG at", FindingKind::panic},
    {"BUG: failure at", FindingKind::panic},
    {"BUG: KASAN", FindingKind::panic},
    {"KASAN:", FindingKind::panic},
    {"BUG: KFENCE", FindingKind::panic},
    {"list_add corruption", FindingKind::panic},
    {"list_del corruption", FindingKind::panic},

    {" blocked for more than ", FindingKind::hung_task},
    {"detected stalls on CPUs", FindingKind::hung_task},
    {"self-detected stall", FindingKind::hung_task},
    {"BUG: soft lockup", FindingKind::hung_task},
    {"BUG: workqueue lockup", FindingKind::hung_task},

    {"WARNING: CPU:", FindingKind::warning},
    {"refcount_t:", FindingKind::warning},
    {"BUG: ", FindingKind::panic},
});

constexpr std::string_view mark = "relfence: case ";

}  // namespace

std::string_view finding_name(FindingKind kind) {
    switch (kind) {
        case FindingKind::oops:
            return "oops";
        case FindingKind::panic:
            return "panic";
        case FindingKind::hung_task:
            return "hung task";
        case FindingKind::lockdep_splat:
            return "lockdep splat";
        case FindingKind::warning:
            return "warning";
    }
    return "warning";
}

namespace {

/// Where the stamp of a line ends; npos when it has none.
std::size_t stamp_end(std::string_view line) {
    if (!line.starts_with('[')) return line.npos;
    const auto close = line.find(']');
    if (close == line.npos ||
        line.substr(1, close - 1).find_first_not_of(" .0123456789") != line.npos)
        return line.npos;
    return close;
}

}  // namespace

std::string_view without_timestamp(std::string_view line) {
    while (line.ends_with('\r')) line.remove_suffix(1);
    const auto close = stamp_end(line);
    if (close == line.npos) return line;
    line.remove_prefix(close + 1);
    if (line.starts_with(' ')) line.remove_prefix(1);
    return line;
}

std::optional<std::chrono::microseconds> timestamp(std::string_view line) {
    const auto close = stamp_end(line);
    if (close == line.npos) return std::nullopt;
    const double seconds = std::strtod(std::string{line.substr(1, close - 1)}.c_str(), nullptr);
    return std::chrono::microseconds{static_cast<long long>(seconds * 1e6 + 0.5)};
}

std::optional<FindingKind> classify_line(std::string_view line) {
    // What a program wrote to the log is its own text, whatever words it uses.
    if (without_timestamp(line).starts_with("relfence")) return std::nullopt;
    for (const auto& [text, kind] : patterns)
        if (line.find(text) != std::string_view::npos) return kind;
    return std::nullopt;
}

void ConsoleLog::feed(std::string_view bytes) {
    partial_ += bytes;
    std::size_t start = 0;
    for (auto end = partial_.find('\n'); end != std::string::npos;
         end = partial_.find('\n', start)) {
        take_line(std::string_view{partial_}.substr(start, end - start));
        start = end + 1;
    }
    partial_.erase(0, start);
}

void ConsoleLog::finish() {
    if (!partial_.empty()) take_line(partial_);
    partial_.clear();
}

void ConsoleLog::take_line(std::string_view line) {
    ++lines_;
    const std::string_view text = without_timestamp(line);
    if (text.starts_with(mark)) {
        const std::string_view cell = text.substr(mark.size());
        const auto slash = cell.rfind('/');
        if (slash != std::string_view::npos)
            marks_.push_back(
                {std::string{cell.substr(0, slash)}, std::string{cell.substr(slash + 1)}});
        mark_times_.resize(marks_.size(), timestamp(line).value_or(std::chrono::microseconds{}));
        return;
    }
    if (const auto kind = classify_line(text))
        findings_.push_back({*kind, std::string{text}, lines_, running()});
}

std::optional<CellId> ConsoleLog::running() const {
    if (marks_.empty()) return std::nullopt;
    return marks_.back();
}

std::optional<CellId> ConsoleLog::running_at(std::chrono::microseconds time) const {
    constexpr std::chrono::milliseconds margin{50};
    const auto after = std::upper_bound(mark_times_.begin(), mark_times_.end(), time + margin);
    if (after == mark_times_.begin()) return std::nullopt;
    return marks_[static_cast<std::size_t>(after - mark_times_.begin()) - 1];
}

const Finding* ConsoleLog::worst(const std::optional<CellId>& cell) const {
    const Finding* worst = nullptr;
    for (const auto& finding : findings_)
        if (finding.cell == cell && (worst == nullptr || finding.kind < worst->kind))
            worst = &finding;
    return worst;
}

}  // namespace relfence::lab
