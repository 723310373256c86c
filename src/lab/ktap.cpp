// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cctype>
#include <optional>

#include <fmt/format.h>

#include <relfence/lab/ktap.hpp>

namespace relfence::lab {
namespace {

constexpr std::size_t suite_indent = 4;
constexpr std::size_t parameter_indent = 8;

struct ResultLine {
    bool ok = false;
    bool skipped = false;
    std::string name;
};

/// Reads "ok 3 name # SKIP why" or "not ok 3 name".
std::optional<ResultLine> parse_result(std::string_view text) {
    ResultLine line;
    line.ok = text.starts_with("ok ");
    if (!line.ok && !text.starts_with("not ok ")) return std::nullopt;
    text.remove_prefix(line.ok ? 3 : 7);
    const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    if (digits == 0) return std::nullopt;
    text.remove_prefix(digits);
    const auto directive = text.find(" # ");
    line.skipped =
        directive != std::string_view::npos && text.substr(directive + 3).starts_with("SKIP");
    text = text.substr(0, directive);
    text.remove_prefix(std::min(text.find_first_not_of(" -"), text.size()));
    line.name = text;
    return line;
}

void count(KunitSuite& suite, const ResultLine& line) {
    if (line.skipped) {
        ++suite.skipped;
    } else if (line.ok) {
        ++suite.passed;
    } else {
        ++suite.failed;
        suite.failures.push_back(line.name);
    }
}

/// One line of KTAP text: no newline, and no '#', which would start a directive.
std::string ktap_text(std::string text) {
    for (char& c : text) {
        if (c == '\n' || c == '\r') c = ' ';
        if (c == '#') c = '.';
    }
    return text;
}

void append_cell(std::string& out, const Cell& cell, std::size_t number) {
    constexpr std::string_view indent = "    ";
    if (!cell.ok) {
        out += fmt::format("{}# expected: {}\n", indent,
                           cell.expected.empty() ? "nothing was said" : ktap_text(cell.expected));
        out += fmt::format("{}# seen: {}\n{}# log: {}\n", indent, ktap_text(cell.seen), indent,
                           ktap_text(cell.log));
    }
    out += fmt::format("{}{} {} {}", indent, cell.ok ? "ok" : "not ok", number,
                       ktap_text(cell.id.text()));
    if (cell.ok && cell.verdict == Verdict::skip)
        out += fmt::format(" # SKIP {}", ktap_text(cell.details.value("reason", "")));
    out += "\n";
}

}  // namespace

std::string KunitSuite::summary() const {
    return fmt::format("{}{} passed, {} failed{}", complete ? "" : "incomplete: ", passed, failed,
                       skipped > 0 ? fmt::format(", {} skipped", skipped) : "");
}

std::vector<KunitSuite> parse_kunit(std::string_view console) {
    std::vector<KunitSuite> suites;
    bool inside = false;
    bool parameters = false;  // results of one test's parameters came: its own line is their sum
    while (!console.empty()) {
        const auto end = std::min(console.find('\n'), console.size());
        std::string_view text = without_timestamp(console.substr(0, end));
        console.remove_prefix(std::min(end + 1, console.size()));
        const auto indent = std::min(text.find_first_not_of(' '), text.size());
        text.remove_prefix(indent);
        constexpr std::string_view subtest = "# Subtest: ";
        if (text.starts_with(subtest)) {
            if (indent == suite_indent) {
                suites.push_back(
                    {std::string{text.substr(subtest.size())}, 0, 0, 0, {}, false, false});
                inside = true;
            }
            parameters = indent == parameter_indent;
            continue;
        }
        const auto line = parse_result(text);
        if (!line || !inside) continue;
        if (indent == 0 && line->name == suites.back().name) {
            suites.back().complete = true;
            suites.back().skipped_whole = line->skipped;
            inside = false;
        } else if (indent == parameter_indent && parameters) {
            count(suites.back(), *line);
        } else if (indent == suite_indent) {
            if (!parameters) count(suites.back(), *line);
            parameters = false;
        }
    }
    return suites;
}

std::string to_ktap(const Report& report) {
    std::string out = fmt::format("KTAP version 1\n1..{}\n", report.kernel_names.size());
    std::size_t kernel_number = 0;
    for (const auto& kernel : report.kernel_names) {
        const auto belongs = [&](const Cell& cell) { return cell.kernel == kernel; };
        const auto total = std::count_if(report.cells.begin(), report.cells.end(), belongs);
        out += fmt::format("    KTAP version 1\n    # Subtest: {}\n    1..{}\n", ktap_text(kernel),
                           total);
        std::size_t number = 0;
        bool all_ok = true;
        for (const auto& cell : report.cells) {
            if (!belongs(cell)) continue;
            append_cell(out, cell, ++number);
            all_ok &= cell.ok;
        }
        out +=
            fmt::format("{} {} {}\n", all_ok ? "ok" : "not ok", ++kernel_number, ktap_text(kernel));
    }
    return out;
}

}  // namespace relfence::lab
