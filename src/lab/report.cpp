// SPDX-License-Identifier: MIT
#include <algorithm>

#include <fmt/format.h>

#include <relfence/lab/report.hpp>

namespace relfence::lab {
using nlohmann::json;
namespace {

std::string_view verdict_name(Verdict verdict) {
    switch (verdict) {
        case Verdict::seen:
            return "seen";
        case Verdict::skip:
            return "skip";
        case Verdict::error:
            return "error";
    }
    return "error";
}

std::string shortened(const std::string& text, std::size_t width) {
    if (text.size() <= width) return text;
    return width <= 3 ? text.substr(0, width) : text.substr(0, width - 3) + "...";
}

std::string padded(const std::string& text, std::size_t width) {
    return text + std::string(width - std::min(width, text.size()), ' ');
}

std::string cell_text(const Cell* cell) {
    if (cell == nullptr) return "-";
    return (cell->ok ? "" : "! ") + cell->seen;
}

/// Takes columns off the widest until all fit: a narrow one need not suffer for a wide one.
void fit_widths(std::vector<std::size_t>& widths, std::size_t available) {
    constexpr std::size_t least = 8;
    for (;;) {
        std::size_t total = 0;
        for (const std::size_t width : widths) total += width;
        const auto widest = std::max_element(widths.begin(), widths.end());
        if (total <= available || widest == widths.end() || *widest <= least) return;
        --*widest;
    }
}

}  // namespace

const Cell* Report::find(const CellId& id, const std::string& kernel) const {
    const auto found = std::find_if(cells.begin(), cells.end(), [&](const Cell& cell) {
        return cell.id == id && cell.kernel == kernel;
    });
    return found == cells.end() ? nullptr : &*found;
}

std::vector<CellId> Report::rows() const {
    std::vector<CellId> rows;
    for (const auto& cell : cells)
        if (std::find(rows.begin(), rows.end(), cell.id) == rows.end()) rows.push_back(cell.id);
    return rows;
}

std::size_t Report::unexpected() const {
    return static_cast<std::size_t>(
        std::count_if(cells.begin(), cells.end(), [](const Cell& cell) { return !cell.ok; }));
}

json to_json(const Report& report) {
    json cells = json::array();
    for (const auto& cell : report.cells)
        cells.push_back({{"case", cell.id.name},
                         {"driver", cell.id.driver},
                         {"kernel", cell.kernel},
                         {"expected", cell.expected},
                         {"seen", cell.seen},
                         {"verdict", verdict_name(cell.verdict)},
                         {"ok", cell.ok},
                         {"log", cell.log},
                         {"details", cell.details},
                         {"samples", cell.samples},
                         {"artifacts", cell.artifacts}});
    return {{"versions", report.versions},
            {"kernels", report.kernels},
            {"cases", report.cases},
            {"cells", std::move(cells)}};
}

std::string to_table(const Report& report, std::size_t width, bool colour) {
    constexpr std::size_t gap = 2;
    const auto rows = report.rows();
    std::vector<std::size_t> widths{4};
    for (const auto& row : rows) widths[0] = std::max(widths[0], row.text().size());
    for (const auto& kernel : report.kernel_names) {
        std::size_t column = kernel.size();
        for (const auto& row : rows)
            column = std::max(column, cell_text(report.find(row, kernel)).size());
        widths.push_back(column);
    }
    const std::size_t gaps = gap * (widths.size() - 1);
    fit_widths(widths, width > gaps ? width - gaps : 0);

    const auto join = [](std::string line, const std::string& text) {
        return line + std::string(line.empty() ? 0 : gap, ' ') + text;
    };
    const auto trimmed = [](std::string line) {
        line.erase(line.find_last_not_of(' ') + 1);
        return line + "\n";
    };
    std::string header = padded("case", widths[0]);
    std::string rule(widths[0], '-');
    for (std::size_t i = 0; i < report.kernel_names.size(); ++i) {
        header =
            join(header, padded(shortened(report.kernel_names[i], widths[i + 1]), widths[i + 1]));
        rule = join(rule, std::string(widths[i + 1], '-'));
    }
    std::string out = trimmed(header) + rule + "\n";
    for (const auto& row : rows) {
        std::string line = padded(shortened(row.text(), widths[0]), widths[0]);
        for (std::size_t i = 0; i < report.kernel_names.size(); ++i) {
            const Cell* cell = report.find(row, report.kernel_names[i]);
            std::string text = padded(shortened(cell_text(cell), widths[i + 1]), widths[i + 1]);
            if (colour && cell != nullptr)
                text = (cell->ok ? "\x1b[32m" : "\x1b[1;31m") + text + "\x1b[0m";
            line = join(line, text);
        }
        out += trimmed(line);
    }
    return out;
}

std::string unexpected_blocks(const Report& report) {
    std::string out;
    for (const auto& cell : report.cells) {
        if (cell.ok) continue;
        out += fmt::format(
            "\n{} on {}\n  expected: {}\n  seen:     {}\n", cell.id.text(), cell.kernel,
            cell.expected.empty() ? "nothing is said in cases.json" : cell.expected, cell.seen);
        if (const auto reason = cell.details.value("reason", std::string{}); !reason.empty())
            out += fmt::format("  reason:   {}\n", reason);
        if (const auto line = cell.details.value("console", std::string{}); !line.empty())
            out += fmt::format("  console:  {}\n", line);
        for (const auto& bug : cell.details.value("driver_bugs", std::vector<std::string>{}))
            out += fmt::format("  board:    {}\n", bug);
        out += fmt::format("  log:      {}\n", cell.log);
    }
    return out;
}

}  // namespace relfence::lab
