// SPDX-License-Identifier: MIT
#include "page/plot.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <relfence/base/statistics.hpp>

#include "page/html.hpp"

namespace relfence::page {
namespace {

constexpr double kLabelWidth = 210;
constexpr double kPlotWidth = 430;
constexpr double kFigureWidth = 260;
constexpr double kRowHeight = 30;
constexpr double kAxisHeight = 26;
/// More dots than this only blacken the bar; they are thinned evenly over the sorted samples.
constexpr std::size_t kMostDots = 200;

std::string short_number(double value) {
    if (value >= 1e6) return fmt::format("{:.3g}M", value / 1e6);
    if (value >= 1e3) return fmt::format("{:.3g}k", value / 1e3);
    return fmt::format("{:.3g}", value);
}

/// A number with its unit; times in the unit that a reader would choose.
std::string quantity(double value, const std::string& unit) {
    if (unit == "ns") {
        if (value >= 1e9) return fmt::format("{:.3g} s", value / 1e9);
        if (value >= 1e6) return fmt::format("{:.3g} ms", value / 1e6);
        if (value >= 1e3) return fmt::format("{:.3g} µs", value / 1e3);
    }
    return short_number(value) + " " + escape(unit);
}

}  // namespace

std::string to_svg(const Plot& plot) {
    double least = INFINITY;
    double most = 0;
    for (const Series& series : plot.series) {
        for (const double value : series.values) {
            if (value > 0) least = std::min(least, value);
            most = std::max(most, value);
        }
    }
    if (!std::isfinite(least)) least = 1;
    const double first = std::floor(std::log10(least));
    const double last = std::max(first + 1, std::ceil(std::log10(std::max(most, least))));
    const auto x_of = [&](double value) {
        const double place = (std::log10(std::max(value, least)) - first) / (last - first);
        return kLabelWidth + place * kPlotWidth;
    };

    const double height = kRowHeight * static_cast<double>(plot.series.size()) + kAxisHeight;
    std::string svg =
        fmt::format("<svg class=plot viewBox='0 0 {:.0f} {:.0f}' role=img aria-label='{}'>\n",
                    kLabelWidth + kPlotWidth + kFigureWidth, height, escape(plot.title));
    for (double decade = first; decade <= last; ++decade) {
        const double x = kLabelWidth + (decade - first) / (last - first) * kPlotWidth;
        svg += fmt::format("<line class=grid x1='{0:.1f}' x2='{0:.1f}' y1='0' y2='{1:.1f}'/>", x,
                           height - kAxisHeight);
        svg += fmt::format("<text class=axis x='{:.1f}' y='{:.1f}'>{}</text>\n", x, height - 8,
                           quantity(std::pow(10, decade), plot.unit));
    }
    // Times may differ in their unit; what all share is said once, with the median.
    const auto range = [&](double value) {
        return plot.unit == "ns" ? quantity(value, plot.unit) : short_number(value);
    };
    double y = kRowHeight / 2;
    for (const Series& series : plot.series) {
        std::vector<double> sorted = series.values;
        std::sort(sorted.begin(), sorted.end());
        const double p10 = quantile(sorted, 0.1);
        const double median = quantile(sorted, 0.5);
        const double p90 = quantile(sorted, 0.9);
        svg += fmt::format("<text class=label x='{:.1f}' y='{:.1f}'>{}</text>", kLabelWidth - 10,
                           y + 4, escape(series.label));
        svg += fmt::format("<rect class=range x='{:.1f}' y='{:.1f}' width='{:.1f}' height='14'/>",
                           x_of(p10), y - 7, std::max(1.0, x_of(p90) - x_of(p10)));
        const std::size_t step = std::max<std::size_t>(1, sorted.size() / kMostDots);
        for (std::size_t i = 0; i < sorted.size(); i += step)
            svg += fmt::format("<circle cx='{:.1f}' cy='{:.1f}' r='1.6'/>", x_of(sorted[i]),
                               y + static_cast<double>((i / step) % 5) * 2.4 - 4.8);
        svg +=
            fmt::format("<line class=median x1='{0:.1f}' x2='{0:.1f}' y1='{1:.1f}' y2='{2:.1f}'/>",
                        x_of(median), y - 10, y + 10);
        svg += fmt::format("<text class=figure x='{:.1f}' y='{:.1f}'>{} ({}–{}), n={}</text>\n",
                           kLabelWidth + kPlotWidth + 10, y + 4, quantity(median, plot.unit),
                           range(p10), range(p90), sorted.size());
        y += kRowHeight;
    }
    return svg + "</svg>\n";
}

}  // namespace relfence::page
