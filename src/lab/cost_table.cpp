// SPDX-License-Identifier: MIT
#include <algorithm>

#include <fmt/format.h>

#include <relfence/base/statistics.hpp>
#include <relfence/lab/cost_table.hpp>

namespace relfence::lab {
namespace {

/// One line of the table before it is padded.
using Line = std::vector<std::string>;

bool is_cost(const Report& report, const std::string& kernel) {
    return std::any_of(report.kernels.begin(), report.kernels.end(), [&](const auto& entry) {
        return entry.value("name", std::string{}) == kernel && entry.value("cost", false);
    });
}

/// The samples of a figure, ascending; empty if there are none.
std::vector<double> sorted_samples(const Cell* cell, const std::string& name) {
    if (cell == nullptr || !cell->samples.contains(name)) return {};
    auto values = cell->samples[name].value("values", std::vector<double>{});
    std::sort(values.begin(), values.end());
    return values;
}

std::string summary(const std::vector<double>& sorted) {
    if (sorted.empty()) return "-";
    return fmt::format("{:.0f} ({:.0f} to {:.0f})", quantile(sorted, 0.5), quantile(sorted, 0.1),
                       quantile(sorted, 0.9));
}

Line figure(const Report& report, const CellId& row, const std::string& name,
            const std::vector<std::string>& kernels) {
    std::string unit;
    std::vector<std::vector<double>> samples;
    for (const auto& kernel : kernels) {
        const Cell* cell = report.find(row, kernel);
        samples.push_back(sorted_samples(cell, name));
        if (!samples.back().empty()) unit = cell->samples[name].value("unit", "");
    }
    Line line{fmt::format("{} {}, {}", row.driver, name, unit)};
    for (const auto& sorted : samples) line.push_back(summary(sorted));
    if (kernels.size() == 2) {
        const bool both =
            !samples[0].empty() && !samples[1].empty() && quantile(samples[0], 0.5) > 0;
        line.push_back(
            both ? fmt::format("{:.2f}", quantile(samples[1], 0.5) / quantile(samples[0], 0.5))
                 : "-");
    }
    return line;
}

std::string padded(const std::vector<Line>& lines) {
    std::vector<std::size_t> widths(lines.front().size());
    for (const auto& line : lines)
        for (std::size_t i = 0; i < line.size(); ++i)
            widths[i] = std::max(widths[i], line[i].size());
    std::string text;
    for (const auto& line : lines) {
        std::string row;
        for (std::size_t i = 0; i < line.size(); ++i)
            row += fmt::format("{:{}}  ", line[i], widths[i]);
        row.erase(row.find_last_not_of(' ') + 1);
        text += row + "\n";
    }
    return text;
}

}  // namespace

Report without_cost(const Report& report) {
    Report rest = report;
    std::erase_if(rest.kernel_names, [&](const auto& kernel) { return is_cost(report, kernel); });
    std::erase_if(rest.cells, [&](const Cell& cell) { return is_cost(report, cell.kernel); });
    return rest;
}

std::string cost_table(const Report& report) {
    std::vector<std::string> kernels;
    for (const auto& kernel : report.kernel_names)
        if (is_cost(report, kernel)) kernels.push_back(kernel);
    Line head{"median (p10 to p90)"};
    head.insert(head.end(), kernels.begin(), kernels.end());
    if (kernels.size() == 2) head.emplace_back("ratio");
    std::vector<Line> lines{head};
    for (const auto& row : report.rows()) {
        std::vector<std::string> names;
        for (const auto& kernel : kernels)
            if (const Cell* cell = report.find(row, kernel))
                for (const auto& [name, sample] : cell->samples.items())
                    if (std::find(names.begin(), names.end(), name) == names.end())
                        names.push_back(name);
        std::sort(names.begin(), names.end());
        for (const auto& name : names) lines.push_back(figure(report, row, name, kernels));
    }
    return lines.size() == 1 ? std::string{} : padded(lines);
}

}  // namespace relfence::lab
