// SPDX-License-Identifier: MIT
#include "checks/output.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace relfence::checks {
namespace {

using nlohmann::json;

/// "fail" in red, as most programs have it.
const char* colour_of(Verdict verdict) {
    switch (verdict) {
        case Verdict::pass:
            return "32";
        case Verdict::fail:
            return "31";
        case Verdict::warn:
        case Verdict::skip:
            return "33";
        case Verdict::error:
            break;
    }
    return "35";
}

bool is_ok(const Row& row) {
    return row.finding.verdict != Verdict::fail && row.finding.verdict != Verdict::error;
}

/// '#' begins a directive there.
std::string without_hash(std::string text) {
    std::ranges::replace(text, '#', ' ');
    return text;
}

std::string row_ktap(std::size_t number, const Row& row) {
    const std::string seen = without_hash(row.finding.text);
    const std::string result =
        fmt::format("    {} {} {}", is_ok(row) ? "ok" : "not ok", number, row.check->name);
    switch (row.finding.verdict) {
        case Verdict::skip:
            return fmt::format("{} # SKIP {}\n", result, seen);
        case Verdict::warn:
            // KTAP has no word for it: what stands behind '#' without one is for people.
            return fmt::format("{} # WARN {}\n", result, seen);
        case Verdict::error:
            return fmt::format("    # error: {}\n{}\n", seen, result);
        default:
            return fmt::format("    # {}\n{}\n", seen, result);
    }
}

std::string title(const Section& section) {
    return fmt::format("{} {} {}", section.device, section.driver,
                       section.stream.empty() ? section.role : section.stream);
}

}  // namespace

json to_json(const std::vector<Section>& sections, const std::string& kernel) {
    json all{{"tool", "relfence check"}, {"version", RELFENCE_VERSION}, {"kernel", kernel}};
    all["checks"] = json::array();
    for (const Section& section : sections)
        for (const Row& row : section.rows)
            all["checks"].push_back({{"device", section.device},
                                     {"driver", section.driver},
                                     {"card", section.card},
                                     {"role", section.role},
                                     {"stream", section.stream},
                                     {"check", row.check->name},
                                     {"verdict", name_of(row.finding.verdict)},
                                     {"text", row.finding.text},
                                     {"ms", row.time.count()}});
    const Counts counts = count(sections);
    all["counts"] = {{"pass", counts.pass},
                     {"fail", counts.fail},
                     {"warn", counts.warn},
                     {"skip", counts.skip},
                     {"error", counts.error}};
    return all;
}

std::string to_ktap(const std::vector<Section>& sections) {
    std::string text = fmt::format("KTAP version 1\n1..{}\n", sections.size());
    for (std::size_t i = 0; i < sections.size(); ++i) {
        const Section& section = sections[i];
        text += fmt::format("    KTAP version 1\n    # Subtest: {}\n    1..{}\n",
                            without_hash(title(section)), section.rows.size());
        for (std::size_t row = 0; row < section.rows.size(); ++row)
            text += row_ktap(row + 1, section.rows[row]);
        text +=
            fmt::format("{} {} {}\n", std::ranges::all_of(section.rows, is_ok) ? "ok" : "not ok",
                        i + 1, without_hash(title(section)));
    }
    return text;
}

std::string heading(const Section& section) {
    return fmt::format("{}  {}  {}  {}{}{}\n", section.device, section.driver, section.card,
                       section.role, section.stream.empty() ? "" : "  ", section.stream);
}

std::string line(const Row& row, bool colour) {
    const auto word = fmt::format("{:<5}", name_of(row.finding.verdict));
    return fmt::format(
        "  {}  {:<16}  {}\n",
        colour ? fmt::format("\033[{}m{}\033[0m", colour_of(row.finding.verdict), word) : word,
        row.check->name, row.finding.text);
}

std::string totals(const Counts& counts) {
    return fmt::format("{} pass, {} fail, {} warn, {} skip, {} error", counts.pass, counts.fail,
                       counts.warn, counts.skip, counts.error);
}

}  // namespace relfence::checks
