// SPDX-License-Identifier: MIT
#include <algorithm>
#include <fnmatch.h>

#include <fmt/format.h>

#include <relfence/lab/case_list.hpp>
#include <relfence/lab/process.hpp>

namespace relfence::lab {
using nlohmann::json;

Result<std::vector<CaseInfo>> list_cases(const std::filesystem::path& program) {
    std::error_code error;
    if (!std::filesystem::exists(program, error))
        return fail("is missing", program.string(), "build the target relfence-cases");
    auto result = run_command({program.string(), "list", "--json"});
    if (!result) return tl::make_unexpected(result.error());
    if (!result->ok())
        return fail(fmt::format("list --json: {}", describe_status(result->status)),
                    program.string());
    std::vector<CaseInfo> cases;
    try {
        for (const auto& entry : json::parse(result->output))
            cases.push_back({entry.at("case").get<std::string>(), entry.value("title", ""),
                             entry.value("catches", ""),
                             entry.at("drivers").get<std::vector<std::string>>(),
                             entry.value("boards", decltype(CaseInfo::boards){}),
                             entry.value("kernel_arguments", std::vector<std::string>{})});
    } catch (const json::exception& exception) {
        return fail(fmt::format("list --json: {}", exception.what()), program.string());
    }
    return cases;
}

std::vector<CellId> choose_cells(const std::vector<CaseInfo>& cases,
                                 const std::vector<std::string>& globs,
                                 const std::vector<std::string>& drivers) {
    std::vector<CellId> cells;
    const auto choose = [&](const CaseInfo& info, bool with_board) {
        const bool wanted =
            globs.empty() || std::any_of(globs.begin(), globs.end(), [&](auto& glob) {
                return ::fnmatch(glob.c_str(), info.name.c_str(), 0) == 0;
            });
        if (!wanted) return;
        for (const auto& driver : info.drivers)
            if (info.boards.contains(driver) == with_board &&
                (drivers.empty() ||
                 std::find(drivers.begin(), drivers.end(), driver) != drivers.end()))
                cells.push_back({info.name, driver});
    };
    for (const bool with_board : {true, false})
        for (const auto& info : cases) choose(info, with_board);
    return cells;
}

namespace {

CaseLine read_line(const json& entry) {
    CaseLine line;
    line.is_result = entry.at("type").get<std::string>() == "result";
    line.cell = {entry.at("case").get<std::string>(), entry.at("driver").get<std::string>()};
    if (!line.is_result) return line;
    line.verdict = entry.at("verdict").get<std::string>();
    line.seen = entry.value("seen", "");
    line.reason = entry.value("reason", "");
    line.details = entry.value("details", json::object());
    line.samples = entry.value("samples", json::object());
    line.artifacts = entry.value("artifacts", std::vector<std::string>{});
    return line;
}

}  // namespace

std::vector<CaseLine> parse_case_lines(std::string_view text, std::size_t* malformed) {
    std::vector<CaseLine> lines;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty()) continue;
        try {
            lines.push_back(read_line(json::parse(line)));
        } catch (const json::exception&) {
            if (malformed != nullptr) ++*malformed;
        }
    }
    return lines;
}

}  // namespace relfence::lab
