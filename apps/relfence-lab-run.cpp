// SPDX-License-Identifier: MIT
#include <cstdio>
#include <memory>
#include <unistd.h>

#include <fmt/format.h>

#include <relfence/lab/cost_table.hpp>
#include <relfence/lab/guest.hpp>
#include <relfence/lab/lab_run.hpp>
#include <relfence/lab/progress.hpp>

#include "relfence-lab-commands.hpp"

namespace relfence::lab {
namespace fs = std::filesystem;
namespace {

struct RunArguments {
    ProjectOptions project;
    std::vector<std::string> kernels;
    std::vector<std::string> globs;
    std::vector<std::string> drivers;
    std::vector<std::string> base{"baseline"};
    std::vector<std::string> series;
    bool all = false;
    double silence = 60;
    std::string program;
    std::string expectations;
    std::string ktap;
    std::string out;
    CaseRunOptions run;
};

void add_case_options(CLI::App& command, RunArguments& arguments) {
    command.add_option("-c,--case", arguments.globs, "cases to run, as a glob; repeatable")
        ->allow_extra_args(false);
    command.add_option("-d,--driver", arguments.drivers, "drivers to run them with; repeatable")
        ->allow_extra_args(false);
    command.add_option("-o,--out", arguments.out, "directory for report.json and the logs")
        ->capture_default_str();
    command.add_option("--ktap", arguments.ktap,
                       "file for the results as KTAP (default: report.ktap in --out)");
    command.add_option("-m,--memory", arguments.run.memory, "memory of a guest")
        ->capture_default_str();
    command.add_option("--guests", arguments.run.guests,
                       "guests at the same time (default: two for each core)");
    command
        .add_option("--silence", arguments.silence,
                    "seconds without a sign of life after which a guest counts as silent")
        ->capture_default_str();
    command.add_flag("--quick", arguments.run.quick, "fewer repetitions in each case");
    command.add_option("--cases", arguments.program,
                       "the program with the cases (default: relfence-cases beside this one)");
    command.add_option("--expectations", arguments.expectations,
                       "what is expected (default: lab/cases.json of the project)");
    add_project_options(command, arguments.project);
}

Result<void> complete(RunArguments& arguments, const Interrupts& interrupts) {
    auto init = find_guest_init();
    if (!init) return tl::make_unexpected(init.error());
    arguments.run.init = *init;
    arguments.run.program = arguments.program.empty() ? init->parent_path() / "relfence-cases"
                                                      : fs::absolute(arguments.program);
    if (arguments.silence <= 0) return fail("must be more than 0", "--silence");
    arguments.run.silence =
        std::chrono::milliseconds{static_cast<long long>(arguments.silence * 1000)};
    arguments.run.interrupts = &interrupts;
    arguments.run.out = fs::absolute(arguments.out);
    std::error_code error;
    fs::create_directories(arguments.run.out, error);
    if (error) return fail_errno("create directory", arguments.out, error.value());
    return {};
}

Result<std::vector<RunKernel>> build_run_kernels(Builder& builder,
                                                 const std::vector<KernelSpec>& specs) {
    auto built = builder.build_all(specs);
    if (!built) return tl::make_unexpected(built.error());
    std::vector<RunKernel> kernels;
    for (std::size_t i = 0; i < specs.size(); ++i)
        kernels.push_back(
            {specs[i], built->at(i).directory / "linux", built->at(i).directory / "build.json"});
    return kernels;
}

/// A kernel that somebody else built, by its directory.
Result<RunKernel> foreign_kernel(const std::string& name) {
    RunKernel kernel;
    const fs::path directory = fs::absolute(fs::path{name} / ".").parent_path();
    kernel.spec.name = directory.filename().string();
    kernel.linux_binary = directory / "linux";
    kernel.build_json = directory / "build.json";
    std::error_code error;
    if (!fs::exists(kernel.linux_binary, error))
        return fail("has no linux binary in it", directory.string());
    return kernel;
}

Result<std::vector<RunKernel>> find_run_kernels(Workbench& bench, const RunArguments& arguments) {
    std::vector<std::string> names = arguments.kernels;
    if (names.empty())
        for (const auto& spec : bench.kernels.chosen(arguments.all)) names.push_back(spec.name);
    std::vector<RunKernel> kernels;
    std::vector<KernelSpec> specs;
    for (const auto& name : names) {
        if (name.find('/') != std::string::npos) {
            auto kernel = foreign_kernel(name);
            if (!kernel) return tl::make_unexpected(kernel.error());
            kernels.push_back(std::move(*kernel));
            continue;
        }
        auto spec = bench.kernels.find(name);
        if (!spec) return tl::make_unexpected(spec.error());
        specs.push_back(std::move(*spec));
        kernels.emplace_back();
    }
    auto built = build_run_kernels(bench.builder, specs);
    if (!built) return tl::make_unexpected(built.error());
    auto next = built->begin();
    for (auto& kernel : kernels)
        if (kernel.linux_binary.empty()) kernel = std::move(*next++);
    return kernels;
}

/// Two kernels of one name would share their logs and cells.
Result<void> check_names(const std::vector<RunKernel>& kernels) {
    for (std::size_t i = 0; i < kernels.size(); ++i)
        for (std::size_t k = 0; k < i; ++k)
            if (kernels[i].spec.name == kernels[k].spec.name)
                return fail("is named twice", kernels[i].spec.name);
    return {};
}

struct Prepared {
    Workbench bench;
    Expectations expectations;
    std::vector<CaseInfo> cases;
    std::vector<CellId> cells;
};

Result<Prepared> prepare(RunArguments& arguments, const Interrupts& interrupts) {
    if (auto done = complete(arguments, interrupts); !done)
        return tl::make_unexpected(done.error());
    auto bench = open_workbench(arguments.project, interrupts);
    if (!bench) return tl::make_unexpected(bench.error());
    auto expectations =
        load_expectations(arguments.expectations.empty() ? bench->project / "lab" / "cases.json"
                                                         : fs::path{arguments.expectations});
    if (!expectations) return tl::make_unexpected(expectations.error());
    for (const auto& spec : bench->kernels.kernels)
        if (!spec.expect.empty()) expectations->inherit(spec.name, spec.expect);
    auto cases = list_cases(arguments.run.program);
    if (!cases) return tl::make_unexpected(cases.error());
    auto cells = choose_cells(*cases, arguments.globs, arguments.drivers);
    if (cells.empty())
        return fail("no case and driver fit", "--case, --driver",
                    arguments.run.program.string() + " list");
    return Prepared{std::move(*bench), std::move(*expectations), std::move(*cases),
                    std::move(cells)};
}

int print_report(const Report& report, const Report& shown, const RunArguments& arguments) {
    if (auto written = write_report(report, arguments.run.out, arguments.ktap); !written)
        return complain(written.error());
    const bool terminal = ::isatty(STDOUT_FILENO) == 1;
    const Report functional = without_cost(shown);
    if (!functional.cells.empty())
        fmt::print("{}", to_table(functional, terminal ? terminal_width() : 200, terminal));
    const std::string costs = cost_table(shown);
    if (!functional.cells.empty() && !costs.empty()) fmt::print("\n");
    fmt::print("{}", costs);
    return exit_ok;
}

int run_and_judge(RunArguments& arguments, const Interrupts& interrupts) {
    auto prepared = prepare(arguments, interrupts);
    if (!prepared) return complain(prepared.error());
    auto kernels = find_run_kernels(prepared->bench, arguments);
    if (!kernels) return complain(kernels.error());
    if (auto checked = check_names(*kernels); !checked) return complain(checked.error());
    auto report =
        run_lab(*kernels, prepared->cases, prepared->cells, prepared->expectations, arguments.run);
    if (!report) return complain(report.error());
    // A part of the cases asked for is no statement about the suites.
    if (arguments.globs.empty() && arguments.drivers.empty())
        add_absent_suites(*report, prepared->expectations);
    judge(*report, prepared->expectations);
    if (const int code = print_report(*report, *report, arguments); code != exit_ok) return code;
    fmt::print("{}\n{} of {} cells as expected; {}\n", unexpected_blocks(*report),
               report->cells.size() - report->unexpected(), report->cells.size(),
               (arguments.run.out / "report.json").string());
    return report->unexpected() == 0 ? exit_ok : exit_unexpected;
}

/// The state that items describe: a kernel's name, a source tree, patch files and directories.
Result<KernelSpec> state_of(const Workbench& bench, const std::vector<std::string>& items,
                            const KernelSpec& start, const std::string& name) {
    KernelSpec spec = start;
    for (const auto& item : items) {
        std::error_code error;
        const fs::path path{item};
        if (item.find('/') == std::string::npos && !fs::exists(path, error)) {
            auto found = bench.kernels.find(item);
            if (!found) return found;
            spec.version = found->version;
            spec.patches = found->patches;
            spec.configs = found->configs;
            spec.cost = found->cost;
            spec.kunit = found->kunit;
        } else if (fs::exists(path / "Kconfig", error)) {
            auto series = tree_series(path);
            if (!series) return tl::make_unexpected(series.error());
            spec.version = *series;
            spec.tree = fs::absolute(path);
            spec.patches.clear();  // a tree is a state of its own
        } else if (fs::exists(path, error)) {
            spec.patches.push_back(fs::absolute(path));
        } else {
            return fail("is neither a kernel's name nor a source tree nor patches", item);
        }
    }
    spec.name = name;
    spec.optional = false;
    spec.title.clear();
    for (const auto& item : items) spec.title += (spec.title.empty() ? "" : " ") + item;
    return spec;
}

int compare(RunArguments& arguments, const Interrupts& interrupts) {
    auto prepared = prepare(arguments, interrupts);
    if (!prepared) return complain(prepared.error());
    Workbench& bench = prepared->bench;
    const auto chosen_kernels = bench.kernels.chosen(true);
    if (chosen_kernels.empty()) return complain({0, "has no kernel", "kernels.json", {}});
    std::vector<KernelSpec> specs;
    KernelSpec start = chosen_kernels.front();
    for (const auto& [items, name] :
         {std::pair{&arguments.base, "base"}, std::pair{&arguments.series, "series"}}) {
        auto spec = state_of(bench, *items, start, name);
        if (!spec) return complain(spec.error());
        start = *spec;  // a series of patches alone goes onto the base
        specs.push_back(std::move(*spec));
    }
    auto kernels = build_run_kernels(bench.builder, specs);
    if (!kernels) return complain(kernels.error());
    auto report =
        run_lab(*kernels, prepared->cases, prepared->cells, prepared->expectations, arguments.run);
    if (!report) return complain(report.error());
    for (auto& cell : report->cells) {
        const Cell* before = report->find(cell.id, "base");
        cell.expected = before != nullptr ? before->seen : "";
        cell.ok = cell.expected == cell.seen;
    }
    const Report differing = differences(*report, "base", "series");
    const std::size_t rows = differing.rows().size();
    if (const int code = print_report(*report, differing, arguments); code != exit_ok) return code;
    fmt::print("\n{} of {} rows differ; {}\n", rows, report->rows().size(),
               (arguments.run.out / "report.json").string());
    return rows == 0 ? exit_ok : exit_unexpected;
}

}  // namespace

Command add_run(CLI::App& app) {
    auto arguments = std::make_shared<RunArguments>();
    arguments->out = "out/lab";
    CLI::App* command = app.add_subcommand("run", "run the cases on the kernels and judge them");
    command
        ->add_option("-k,--kernel", arguments->kernels,
                     "kernel by name, or a directory with a linux binary (with a / in it);\n"
                     "repeatable (default: all that are not optional)")
        ->allow_extra_args(false);
    command->add_flag("--all", arguments->all, "the optional kernels too");
    add_case_options(*command, *arguments);
    command->footer(
        "Builds what is not built yet, boots each kernel, runs the cases, compares with\n"
        "lab/cases.json. An oops, a lockdep splat, a hung task or a silent guest is a result of\n"
        "the cell that was running; the remaining cells get a fresh guest.\n"
        "\n"
        "Exit code: 0 every cell as expected, 1 some are not, 2 the lab could not do its work,\n"
        "130 interrupted.\n"
        "\n"
        "Examples:\n"
        "  relfence-lab run\n"
        "  relfence-lab run --kernel v2 --case 'abort-*' --driver vim2m\n"
        "  relfence-lab run --out out/demo --ktap out/demo/results.ktap");
    return
        [arguments](const Interrupts& interrupts) { return run_and_judge(*arguments, interrupts); };
}

Command add_compare(CLI::App& app) {
    auto arguments = std::make_shared<RunArguments>();
    arguments->out = "out/compare";
    CLI::App* command = app.add_subcommand("compare", "run the cases on two states of your own");
    command
        ->add_option("--base", arguments->base,
                     "kernel by name, source tree, patch directories or files, in order")
        ->capture_default_str();
    command->add_option("--series", arguments->series, "as --base; patches alone go onto the base")
        ->required();
    add_case_options(*command, *arguments);
    command->footer(
        "Shows the rows in which the two differ.\n"
        "\n"
        "Exit code: 0 no row differs, 1 some do, 2 the lab could not do its work,\n"
        "130 interrupted.\n"
        "\n"
        "Examples:\n"
        "  relfence-lab compare --base v1 --series v2\n"
        "  relfence-lab compare --base v2 --series my-patches/\n"
        "  relfence-lab compare --base path/to/linux-6.12 --series path/to/my-linux-6.12");
    return [arguments](const Interrupts& interrupts) { return compare(*arguments, interrupts); };
}

}  // namespace relfence::lab
