// SPDX-License-Identifier: MIT
#include <regex>
#include <sstream>

#include <relfence/verify/gate.hpp>

namespace relfence::verify {
namespace {

/// Counts what @p line matches in each line: its first group is the file, its second the text.
std::map<std::string, int> count_findings(std::string_view output, const std::regex& line) {
    std::map<std::string, int> found;
    std::istringstream lines{std::string{output}};
    for (std::string text; std::getline(lines, text);) {
        std::smatch match;
        if (!std::regex_search(text, match, line)) continue;
        std::string file = match[1];
        // An output directory inside the tree: "../drivers/...".
        while (file.starts_with("../") || file.starts_with("./")) file.erase(0, file.find('/') + 1);
        ++found[file + ": " + std::string{match[2]}];
    }
    return found;
}

}  // namespace

std::string_view outcome_name(Outcome outcome) {
    switch (outcome) {
        case Outcome::pass:
            return "pass";
        case Outcome::fail:
            return "FAIL";
        case Outcome::skip:
            return "skip";
        case Outcome::error:
            return "ERROR";
    }
    return "ERROR";
}

std::set<std::string> touched_files(std::string_view patch) {
    std::set<std::string> files;
    std::istringstream lines{std::string{patch}};
    for (std::string line; std::getline(lines, line);)
        for (const std::string_view start : {"--- a/", "+++ b/"})
            if (line.starts_with(start)) files.insert(line.substr(start.size()));
    return files;
}

std::map<std::string, int> compiler_warnings(std::string_view output) {
    // kernel-doc's have no column.
    static const std::regex line{R"(^([^:\s]+):\d+:\d+: (?:\w+: )?((?:warning|error): .*)$)"};
    return count_findings(output, line);
}

bool checker_ran(std::string_view output) {
    return output.starts_with("  CHECK ") || output.find("\n  CHECK ") != output.npos;
}

std::map<std::string, int> kernel_doc_warnings(std::string_view output) {
    // 6.12: "FILE:LINE: warning: TEXT"; the Python one of later kernels: "Warning: FILE:LINE TEXT".
    static const std::regex perl{R"(^([^:\s]+):\d+: ((?:warning|error): .*)$)"};
    static const std::regex python{R"(^(?:Warning|Error|WARNING|ERROR): ([^:\s]+):\d+:? (.*)$)"};
    auto found = count_findings(output, perl);
    found.merge(count_findings(output, python));
    return found;
}

ModuleSymbols module_symbols(std::string_view nm) {
    constexpr std::string_view export_mark = "__ksymtab_";
    ModuleSymbols symbols;
    std::istringstream lines{std::string{nm}};
    for (std::string line; std::getline(lines, line);) {
        // "0000000000000010 r __ksymtab_name", "                 U name"
        const auto space = line.rfind(' ');
        if (space == std::string::npos || space == 0) continue;
        const std::string name = line.substr(space + 1);
        if (line[space - 1] == 'U')
            symbols.undefined.insert(name);
        else if (name.starts_with(export_mark))
            symbols.exported.insert(name.substr(export_mark.size()));
    }
    return symbols;
}

std::set<std::string> newly_undefined(const ModuleSymbols& before, const ModuleSymbols& after) {
    std::set<std::string> result;
    for (const auto& name : after.undefined)
        if (!after.exported.contains(name) && !before.undefined.contains(name)) result.insert(name);
    return result;
}

std::vector<std::string> added(const std::map<std::string, int>& before,
                               const std::map<std::string, int>& after) {
    std::vector<std::string> result;
    for (const auto& [finding, count] : after) {
        const auto known = before.find(finding);
        if (known == before.end() || known->second < count) result.push_back(finding);
    }
    return result;
}

std::vector<std::string> checkpatch_findings(std::string_view output,
                                             const std::set<std::string>& allowed) {
    static const std::regex line{R"(^.*: (?:ERROR|WARNING|CHECK):([A-Z0-9_]+): .*$)"};
    std::vector<std::string> findings;
    std::istringstream lines{std::string{output}};
    for (std::string text; std::getline(lines, text);) {
        std::smatch match;
        if (!std::regex_match(text, match, line) || allowed.contains(match[1])) continue;
        // The patch's name is enough of its path.
        const auto colon = text.find(':');
        const auto slash = text.rfind('/', colon);
        findings.push_back(slash == std::string::npos ? text : text.substr(slash + 1));
    }
    return findings;
}

std::set<std::string> allowed_types(std::string_view text) {
    std::set<std::string> types;
    std::istringstream lines{std::string{text}};
    for (std::string line; std::getline(lines, line);)
        if (!line.empty() && line.front() != '#') types.insert(line.substr(0, line.find(' ')));
    return types;
}

}  // namespace relfence::verify
