// SPDX-License-Identifier: MIT
#include <algorithm>
#include <set>
#include <sys/utsname.h>

#include <fmt/format.h>

#include <relfence/lab/architecture.hpp>
#include <relfence/lab/files.hpp>
#include <relfence/lab/guest.hpp>
#include <relfence/lab/ktap.hpp>
#include <relfence/lab/lab_run.hpp>
#include <relfence/lab/progress.hpp>

namespace relfence::lab {
namespace fs = std::filesystem;
using nlohmann::json;
namespace {

constexpr std::string_view kunit_driver = "kunit";
constexpr std::string_view kunit_default = "/skip|[1-9][0-9]* passed, 0 failed(, [0-9]+ skipped)?/";

std::string first_line_of(const std::vector<std::string>& command) {
    const auto result = run_command(command);
    if (!result || !result->ok()) return "unknown";
    return result->output.substr(0, result->output.find('\n'));
}

json find_versions(const CaseRunOptions& options) {
    utsname host{};
    ::uname(&host);
    return {{"relfence", RELFENCE_VERSION},
            {"host", fmt::format("{} {} {}", host.sysname, host.release, host.machine)},
            {"compiler", first_line_of({"gcc", "--version"})},
            {"bubblewrap", first_line_of({"bwrap", "--version"})},
            {"cases", first_line_of({options.program.string(), "--version"})}};
}

std::set<CellId> cells_on_boards(const std::vector<CaseInfo>& cases) {
    std::set<CellId> result;
    for (const auto& info : cases)
        for (const auto& [driver, board] : info.boards)
            if (!board.empty()) result.insert({info.name, driver});
    return result;
}

json describe(const CaseInfo& info, const Expectations& expectations) {
    json facts{{"case", info.name}, {"title", info.title}, {"catches", info.catches}};
    if (const CaseExpectations* said = expectations.find(info.name)) facts["why"] = said->why;
    return facts;
}

json describe(const RunKernel& kernel, const CaseRunResult& result) {
    json facts = json::object();
    if (const auto text = read_file(kernel.build_json))
        if (auto parsed = json::parse(*text, nullptr, false); parsed.is_object())
            facts = std::move(parsed);
    facts["name"] = kernel.spec.name;
    facts["title"] = kernel.spec.title;
    facts["cost"] = kernel.spec.cost;
    facts["optional"] = kernel.spec.optional;
    const auto boots = result.boot_ms.find(kernel.spec.name);
    facts["boot_ms"] = boots == result.boot_ms.end() ? json::array() : json(boots->second);
    return facts;
}

}  // namespace

std::vector<CellId> cells_for(const KernelSpec& kernel, const std::vector<CellId>& cells,
                              const Expectations& expectations) {
    std::vector<CellId> chosen;
    for (const auto& cell : cells) {
        if ((cell.name == cost_case) != kernel.cost) continue;
        if (kernel.optional && !kernel.cost && expectations.find(cell, kernel.name) == nullptr)
            continue;
        chosen.push_back(cell);
    }
    return chosen;
}

void judge(Report& report, const Expectations& expectations) {
    for (auto& cell : report.cells) {
        const Expected* expected = expectations.find(cell.id, cell.kernel);
        if (expected != nullptr) {
            cell.expected = expected->text();
        } else if (cell.id.driver == kunit_driver) {
            cell.expected = kunit_default;
        }
        const auto parsed = Expected::parse(cell.expected);
        cell.ok = cell.verdict != Verdict::error && !cell.expected.empty() && parsed &&
                  parsed->matches(cell.seen);
    }
}

void add_absent_suites(Report& report, const Expectations& expectations) {
    for (const auto& entry : expectations.cases)
        for (const auto& [kernel, drivers] : entry.expected) {
            const bool is_run = std::find(report.kernel_names.begin(), report.kernel_names.end(),
                                          kernel) != report.kernel_names.end();
            const CellId id{entry.name, std::string{kunit_driver}};
            if (!is_run || !drivers.contains(id.driver) || report.find(id, kernel) != nullptr)
                continue;
            Cell cell;
            cell.id = id;
            cell.kernel = kernel;
            cell.seen = "absent";
            cell.details["reason"] = "no such suite in the kernel's output";
            report.cells.push_back(std::move(cell));
        }
}

Result<Report> run_lab(const std::vector<RunKernel>& kernels, const std::vector<CaseInfo>& cases,
                       const std::vector<CellId>& cells, const Expectations& expectations,
                       const CaseRunOptions& options) {
    Report report;
    std::vector<KernelRun> runs;
    std::size_t total = 0;
    const std::set<CellId> on_boards = cells_on_boards(cases);
    for (const auto& kernel : kernels) {
        auto chosen = cells_for(kernel.spec, cells, expectations);
        const bool native = architecture_of(kernel.linux_binary) == native_architecture;
        // The modelled boards are for User Mode Linux.
        if (!native)
            std::erase_if(chosen, [&](const CellId& cell) { return on_boards.contains(cell); });
        // QEMU interprets: one guest keeps all processors busy.
        runs.push_back({kernel.spec.name, kernel.linux_binary, std::move(chosen), kernel.spec.kunit,
                        kernel.spec.cost || !native, is_smp_kernel(kernel.linux_binary)});
        total += runs.back().cells.size();
        report.kernel_names.push_back(kernel.spec.name);
    }
    // What an earlier run left would be taken for this one's.
    std::error_code error;
    fs::remove_all(options.out / "boots", error);

    Progress progress{"cases", "cells", total};
    CaseRunOptions with_machines = options;
    for (const auto& info : cases)
        for (const auto& driver : info.drivers) {
            const auto board = info.boards.find(driver);
            with_machines.machines[{info.name, driver}] = {
                board == info.boards.end() ? std::vector<std::string>{} : board->second,
                info.kernel_arguments};
        }
    auto result = run_cases(runs, with_machines, [&progress] { progress.step(); });
    progress.finish();
    if (!result) return tl::make_unexpected(result.error());
    report.versions = find_versions(options);
    for (const auto& kernel : kernels) report.kernels.push_back(describe(kernel, *result));
    for (const auto& info : cases) report.cases.push_back(describe(info, expectations));
    report.cells = std::move(result->cells);
    return report;
}

Report differences(const Report& report, const std::string& base, const std::string& series) {
    Report result = report;
    result.cells.clear();
    for (const auto& row : report.rows()) {
        const Cell* before = report.find(row, base);
        const Cell* after = report.find(row, series);
        if (before != nullptr && after != nullptr && before->seen == after->seen) continue;
        for (const Cell* cell : {before, after})
            if (cell != nullptr) result.cells.push_back(*cell);
    }
    return result;
}

Result<void> write_report(const Report& report, const fs::path& out, const fs::path& ktap) {
    if (auto made = make_directories(out); !made) return made;
    // A guest's text may hold any byte; JSON may not.
    const std::string text =
        to_json(report).dump(2, ' ', false, json::error_handler_t::replace) + "\n";
    if (auto written = write_file(out / "report.json", text); !written) return written;
    return write_file(ktap.empty() ? out / "report.ktap" : ktap, to_ktap(report));
}

}  // namespace relfence::lab
