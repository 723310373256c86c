// SPDX-License-Identifier: MIT
// A file of runs that anybody may have written. Input: the text of the file.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <relfence/bench/compare.hpp>
#include <relfence/bench/saved_runs.hpp>

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace relfence::bench;
    const auto runs = runs_from_json({reinterpret_cast<const char*>(data), size}, "input");
    if (!runs) {
        require(runs.error().message().find('\n') == std::string::npos);
        return 0;
    }
    require(!runs->runs.empty());
    for (const Run& run : runs->runs) {
        for (const auto& [name, samples] : run.figures) {
            require(!samples.values.empty());
            for (const double value : samples.values) require(std::isfinite(value) && value >= 0);
        }
    }
    // What was taken can be saved, read again and compared.
    require(runs_from_json(runs_to_json(*runs), "again").has_value());
    const auto comparison = compare_runs(*runs, *runs, "A", "B");
    require(comparison.has_value());
    for (const Compared& figure : comparison->figures) require(figure.verdict != Verdict::differs);
    require(!comparison_to_text(*comparison).empty() && !comparison_to_json(*comparison).empty());
    return 0;
}
