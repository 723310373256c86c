// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <relfence/board/board.hpp>

namespace relfence::board {
namespace {

struct Named {
    std::string_view name;
    Fault fault;
};

constexpr std::array faults{
    Named{"hang", Fault::hang},
    Named{"late", Fault::late},
    Named{"error", Fault::error_status},
    Named{"spurious", Fault::spurious},
    Named{"late-interrupt", Fault::late_interrupt},
    Named{"bus-error", Fault::bus_error},
};

struct Unit {
    std::string_view name;
    Nanoseconds length;
};

constexpr std::array units{
    Unit{"ns", std::chrono::nanoseconds{1}},
    Unit{"us", std::chrono::microseconds{1}},
    Unit{"ms", std::chrono::milliseconds{1}},
    Unit{"s", std::chrono::seconds{1}},
};
constexpr std::uint64_t duration_limit = 3600;  // seconds

}  // namespace

std::vector<std::string> fault_names() {
    std::vector<std::string> names;
    for (const Named& row : faults) names.emplace_back(row.name);
    return names;
}

Result<FaultRule> parse_fault_rule(std::string_view text) {
    const auto wrong = [text](std::string_view what) {
        return fail(what, text,
                    fmt::format("ENGINE:JOB:KIND, JOB from 1 or *, KIND one of {}",
                                fmt::join(fault_names(), ", ")));
    };
    const std::size_t first = text.find(':');
    const std::size_t second = first == text.npos ? text.npos : text.find(':', first + 1);
    if (second == text.npos || first == 0) return wrong("is no fault rule");
    FaultRule rule;
    rule.engine = text.substr(0, first);
    const std::string_view number = text.substr(first + 1, second - first - 1);
    if (number != "*") {
        const auto [end, error] =
            std::from_chars(number.data(), number.data() + number.size(), rule.job);
        if (error != std::errc{} || end != number.data() + number.size() || rule.job == 0)
            return wrong("names no job");
    }
    const auto named = std::ranges::find(faults, text.substr(second + 1), &Named::name);
    if (named == faults.end()) return wrong("names no fault");
    rule.fault = named->fault;
    return rule;
}

Result<Time> parse_time(std::string_view text) {
    if (text == "real") return Time::real;
    if (text == "virtual") return Time::simulated;
    return fail("is no kind of time", text, "real or virtual");
}

Result<Nanoseconds> parse_duration(std::string_view text) {
    if (text == "real") return Nanoseconds{0};
    std::uint64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
    const auto found = std::ranges::find(units, unit, &Unit::name);
    if (error != std::errc{} || found == units.end() || count == 0)
        return fail("is no duration", text, "such as 16ms, 500us or real");
    const auto limit =
        static_cast<std::uint64_t>(std::chrono::seconds{duration_limit} / found->length);
    if (count > limit) return fail("is longer than an hour", text);
    return found->length * static_cast<std::int64_t>(count);
}

}  // namespace relfence::board
