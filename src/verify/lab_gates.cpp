// SPDX-License-Identifier: MIT
#include <chrono>

#include <fmt/format.h>

#include <relfence/lab/builder.hpp>
#include <relfence/lab/guest.hpp>
#include <relfence/lab/lab_run.hpp>
#include <relfence/verify/gates.hpp>

namespace relfence::verify {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view series_suite = "kunit-videobuf2-fence";

Result<lab::Report> run_all(const Subject& subject, const lab::KernelSpec& spec,
                            const lab::Cache& cache, const fs::path& source, bool with_cases) {
    lab::Builder builder{cache, {source, subject.jobs, subject.interrupts}};
    auto built = builder.build(spec);
    if (!built) return tl::make_unexpected(built.error());
    auto init = lab::find_guest_init();
    if (!init) return tl::make_unexpected(init.error());
    lab::CaseRunOptions options;
    options.init = *init;
    options.program = init->parent_path() / "relfence-cases";
    options.out = subject.logs / "lab";
    options.interrupts = subject.interrupts;
    auto expectations = lab::load_expectations(subject.project / "lab" / "cases.json");
    if (!expectations) return tl::make_unexpected(expectations.error());
    if (!spec.expect.empty()) expectations->inherit(spec.name, spec.expect);
    auto cases = lab::list_cases(options.program);
    if (!cases) return tl::make_unexpected(cases.error());
    const auto cells = with_cases ? lab::choose_cells(*cases, {}, {}) : std::vector<lab::CellId>{};
    auto report =
        lab::run_lab({{spec, built->directory / "linux", built->directory / "build.json"}}, *cases,
                     cells, *expectations, options);
    if (!report) return report;
    lab::add_absent_suites(*report, *expectations);
    lab::judge(*report, *expectations);
    if (auto written = lab::write_report(*report, options.out, {}); !written)
        return tl::make_unexpected(written.error());
    return report;
}

}  // namespace

std::vector<GateResult> check_lab(const Subject& subject, const lab::KernelSpec& spec,
                                  const lab::Cache& cache, const fs::path& source,
                                  const std::set<std::string>& gates) {
    GateResult kunit;
    kunit.name = "kunit";
    GateResult cases;
    cases.name = "cases";
    const auto started = std::chrono::steady_clock::now();
    const auto report = run_all(subject, spec, cache, source, gates.contains("cases"));
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    std::size_t suites = 0;
    std::size_t cells = 0;
    bool has_own = false;
    if (report) {
        for (const auto& cell : report->cells) {
            const bool suite = cell.id.driver == "kunit";
            ++(suite ? suites : cells);
            has_own = has_own || cell.id.name == series_suite;
            if (cell.ok) continue;
            (suite ? kunit : cases)
                .all.push_back(fmt::format("{}/{}: {}, expected {}", cell.id.name, cell.id.driver,
                                           cell.seen,
                                           cell.expected.empty() ? "nothing" : cell.expected));
        }
        if (spec.kunit && !has_own)
            kunit.all.push_back(fmt::format("{} has not run", series_suite));
        kunit.text = fmt::format("{} suites on {}", suites, spec.name);
        cases.text = fmt::format("{} cells on {}, each as expected", cells, spec.name);
    }
    std::vector<GateResult> wanted;
    for (GateResult* gate : {&kunit, &cases}) {
        if (!gates.contains(gate->name)) continue;
        gate->seconds = wanted.empty() ? seconds : 0;
        if (!report) {
            gate->outcome = Outcome::error;
            gate->text = report.error().code == EINTR ? "interrupted" : report.error().message();
        } else {
            gate->log = subject.logs / "lab" / "report.json";
            if (gate == &kunit && !spec.kunit) {
                gate->outcome = Outcome::skip;
                gate->text = "this series has no suite";
            } else if (!gate->all.empty()) {
                gate->outcome = Outcome::fail;
                gate->text =
                    fmt::format("{} not as expected: {}", gate->all.size(), gate->all.front());
            }
        }
        wanted.push_back(*gate);
    }
    return wanted;
}

}  // namespace relfence::verify
