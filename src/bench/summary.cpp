// SPDX-License-Identifier: MIT
#include "bench/summary.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include <relfence/base/statistics.hpp>

namespace relfence::bench {

std::string runs_to_text(const SavedRuns& saved) {
    std::map<std::string, Samples> all;
    std::map<std::string, std::string> missing;
    for (const Run& run : saved.runs) {
        for (const auto& [name, samples] : run.figures) {
            Samples& mine = all[name];
            mine.unit = samples.unit;
            mine.values.insert(mine.values.end(), samples.values.begin(), samples.values.end());
        }
        missing.insert(run.missing.begin(), run.missing.end());
    }
    const Work& work = saved.work;
    std::string text = fmt::format(
        "{} ({}): {}, {} buffers; Linux {} on {}; runs: {}\n\n", work.driver, work.card, work.job,
        work.depth, saved.machine.kernel, saved.machine.architecture, saved.runs.size());
    text +=
        fmt::format("{:30} {:>12} {:>12} {:>12} {:>8}\n", "", "median", "p10", "p90", "samples");
    for (auto& [name, samples] : all) {
        std::ranges::sort(samples.values);
        text += fmt::format("{:30} {:12.6g} {:12.6g} {:12.6g} {:8}\n",
                            fmt::format("{}, {}", name, samples.unit),
                            quantile(samples.values, 0.5), quantile(samples.values, 0.1),
                            quantile(samples.values, 0.9), samples.values.size());
    }
    for (const auto& [name, why] : missing) text += fmt::format("{:30} {}\n", name, why);
    return text;
}

}  // namespace relfence::bench
