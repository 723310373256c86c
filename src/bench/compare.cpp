// SPDX-License-Identifier: MIT
#include <cmath>
#include <set>

#include <fmt/format.h>

#include <relfence/bench/compare.hpp>

namespace relfence::bench {
namespace {

/// One figure per run: the median of its samples.
std::vector<double> medians(const SavedRuns& saved, const std::string& name) {
    std::vector<double> values;
    for (const Run& run : saved.runs)
        if (const auto found = run.figures.find(name); found != run.figures.end())
            values.push_back(median(found->second.values));
    return values;
}

std::string unit_of(const SavedRuns& saved, const std::string& name) {
    for (const Run& run : saved.runs)
        if (const auto found = run.figures.find(name); found != run.figures.end())
            return found->second.unit;
    return {};
}

std::string why_missing(const SavedRuns& saved, const std::string& name) {
    for (const Run& run : saved.runs)
        if (const auto found = run.missing.find(name); found != run.missing.end())
            return found->second;
    return "not measured";
}

std::vector<std::string> other_differences(const SavedRuns& a, const SavedRuns& b) {
    std::vector<std::string> notes;
    const auto look = [&](std::string_view what, const auto& in_a, const auto& in_b) {
        if (in_a != in_b) notes.push_back(fmt::format("{}: A {}, B {}", what, in_a, in_b));
    };
    look("kernel", a.machine.kernel, b.machine.kernel);
    look("kernel build", a.machine.kernel_build, b.machine.kernel_build);
    look("architecture", a.machine.architecture, b.machine.architecture);
    look("processor", a.machine.processor, b.machine.processor);
    look("processors", a.machine.processors, b.machine.processors);
    look("governor", a.machine.governor, b.machine.governor);
    look("program", a.program, b.program);
    return notes;
}

/// Both sets of one figure, or why they cannot be compared.
struct Figure {
    Compared compared;
    std::vector<double> a;
    std::vector<double> b;
};

Figure prepare(const SavedRuns& a, const SavedRuns& b, const std::string& name) {
    Figure figure;
    Compared& compared = figure.compared;
    compared.name = name;
    figure.a = medians(a, name);
    figure.b = medians(b, name);
    compared.runs_a = figure.a.size();
    compared.runs_b = figure.b.size();
    compared.unit = figure.a.empty() ? unit_of(b, name) : unit_of(a, name);
    if (!figure.a.empty()) compared.median_a = median(figure.a);
    if (!figure.b.empty()) compared.median_b = median(figure.b);
    if (figure.a.empty())
        compared.reason = "A: " + why_missing(a, name);
    else if (figure.b.empty())
        compared.reason = "B: " + why_missing(b, name);
    else if (unit_of(a, name) != unit_of(b, name))
        compared.reason = "different units";
    else if (compared.runs_a < least_runs || compared.runs_b < least_runs)
        compared.reason = fmt::format("A has {} runs, B has {}, and each needs {}", compared.runs_a,
                                      compared.runs_b, least_runs);
    return figure;
}

}  // namespace

Result<Comparison> compare_runs(const SavedRuns& a, const SavedRuns& b, std::string_view name_a,
                                std::string_view name_b) {
    if (a.work != b.work)
        return fail(fmt::format("is {} on {} ({}, {} buffers), and not {} on {} ({}, {} buffers) "
                                "as {}",
                                b.work.job, b.work.driver, b.work.card, b.work.depth, a.work.job,
                                a.work.driver, a.work.card, a.work.depth, name_a),
                    name_b, "compare runs of the same work");
    std::set<std::string> names;
    for (const SavedRuns* saved : {&a, &b}) {
        for (const Run& run : saved->runs) {
            for (const auto& [name, samples] : run.figures) names.insert(name);
            for (const auto& [name, why] : run.missing) names.insert(name);
        }
    }
    Comparison comparison;
    comparison.notes = other_differences(a, b);
    std::vector<Figure> figures;
    unsigned compared = 0;
    for (const std::string& name : names) {
        figures.push_back(prepare(a, b, name));
        if (figures.back().compared.reason.empty()) ++compared;
    }
    const double alpha = comparison.alpha / std::max(1U, compared);
    comparison.confidence = 1 - alpha;
    for (Figure& figure : figures) {
        Compared& result = figure.compared;
        if (result.reason.empty()) {
            result.test = rank_test(figure.a, figure.b);
            result.ratio = ratio_interval(figure.a, figure.b, comparison.confidence);
            const bool apart = !result.ratio || result.ratio->low > 1 || result.ratio->high < 1;
            result.verdict =
                result.test.p < alpha && apart ? Verdict::differs : Verdict::no_difference;
        }
        comparison.figures.push_back(std::move(result));
    }
    return comparison;
}

}  // namespace relfence::bench
