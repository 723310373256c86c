// SPDX-License-Identifier: MIT
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <relfence/bench/compare.hpp>

namespace relfence::bench {
namespace {

using nlohmann::json;

const char* to_text(Verdict verdict) {
    switch (verdict) {
        case Verdict::differs:
            return "differs";
        case Verdict::no_difference:
            return "no difference called";
        default:
            return "not compared";
    }
}

std::string ratio_text(const Compared& figure) {
    if (!figure.ratio) return "-";
    return fmt::format("{:.3f} ({:.3f} to {:.3f})", figure.ratio->estimate, figure.ratio->low,
                       figure.ratio->high);
}

/// A number as JSON has it: infinity is not among its numbers.
json number(double value) {
    return std::isfinite(value) ? json(value) : json(nullptr);
}

}  // namespace

std::string comparison_to_text(const Comparison& comparison) {
    std::string text = fmt::format("{:32} {:>12} {:>12}  {:26} {:>8}  {}\n", "median of runs", "A",
                                   "B", "B/A (interval)", "p", "verdict");
    for (const Compared& figure : comparison.figures) {
        const std::string name = fmt::format("{}, {}", figure.name, figure.unit);
        if (figure.verdict == Verdict::not_compared) {
            text += fmt::format("{:32} not compared: {}\n",
                                figure.unit.empty() ? figure.name : name, figure.reason);
            continue;
        }
        text += fmt::format("{:32} {:12.6g} {:12.6g}  {:26} {:8.2g}  {}\n", name, figure.median_a,
                            figure.median_b, ratio_text(figure), figure.test.p,
                            to_text(figure.verdict));
    }
    text += fmt::format(
        "\nA difference is called when the U test over the runs' medians has p < {:.3g}: {:.0f} % "
        "for all\nfigures together. The intervals are at {:.2f} %. No difference called is not a "
        "proof of none.\n",
        1 - comparison.confidence, 100 * comparison.alpha, 100 * comparison.confidence);
    if (!comparison.notes.empty()) text += "What else is not the same:\n";
    for (const std::string& note : comparison.notes) text += "  " + note + "\n";
    return text;
}

std::string comparison_to_json(const Comparison& comparison) {
    json figures = json::array();
    for (const Compared& figure : comparison.figures) {
        json entry{{"name", figure.name},
                   {"unit", figure.unit},
                   {"verdict", to_text(figure.verdict)},
                   {"runs_a", figure.runs_a},
                   {"runs_b", figure.runs_b}};
        if (figure.verdict == Verdict::not_compared) {
            entry["reason"] = figure.reason;
        } else {
            entry["median_a"] = figure.median_a;
            entry["median_b"] = figure.median_b;
            entry["u"] = figure.test.u;
            entry["p"] = figure.test.p;
            entry["exact"] = figure.test.exact;
            if (figure.ratio)
                entry["ratio"] = {{"estimate", figure.ratio->estimate},
                                  {"low", figure.ratio->low},
                                  {"high", number(figure.ratio->high)}};
        }
        figures.push_back(std::move(entry));
    }
    const json all{{"schema", "relfence-bench-comparison"},
                   {"version", 1},
                   {"alpha", comparison.alpha},
                   {"interval_confidence", comparison.confidence},
                   {"notes", comparison.notes},
                   {"figures", std::move(figures)}};
    return all.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace relfence::bench
