// SPDX-License-Identifier: MIT
// `relfence-lab matrix`: a program of its own, so that whoever wants only the lab needs no YAML.
#include <algorithm>
#include <cstdio>
#include <set>
#include <thread>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <relfence/base/files.hpp>
#include <relfence/lab/files.hpp>
#include <relfence/lab/kernel_list.hpp>
#include <relfence/lab/progress.hpp>
#include <relfence/matrix/lava.hpp>
#include <relfence/matrix/matrix.hpp>
#include <relfence/matrix/run.hpp>

#include "relfence-exit.hpp"

namespace relfence::matrix {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

using app::exit_error;
using app::exit_failed;
using app::exit_ok;

struct Arguments {
    std::string project;
    std::string file;
    std::vector<std::string> suites, kernels, boards;
    std::string out = "out/matrix";
    std::string engine;
    std::string artifacts;
    std::size_t parallel = std::max(1U, std::thread::hardware_concurrency());
    bool json = false;
};

int complain(const Error& error) {
    return app::complain_as("relfence-lab matrix", error);
}

Result<Matrix> matrix_of(const Arguments& arguments) {
    if (!arguments.file.empty()) return load_matrix(arguments.file);
    auto project = arguments.project.empty() ? lab::find_project()
                                             : Result<fs::path>{fs::path{arguments.project}};
    if (!project) return tl::make_unexpected(project.error());
    return load_matrix(*project / "lab" / "matrix.json");
}

Result<std::vector<Job>> chosen_jobs(const Arguments& arguments, const Matrix& matrix) {
    auto jobs = jobs_of(matrix, arguments.suites, arguments.kernels, arguments.boards);
    if (jobs.empty())
        return fail("no job fits", "--suite, --kernel, --board",
                    "relfence-lab matrix list shows all");
    return jobs;
}

Json to_json(const Job& job) {
    return {{"name", job.name},
            {"suite", job.suite->name},
            {"kernel", job.kernel},
            {"board", job.board},
            {"expected_exit", job.expected_exit}};
}

int list(const Arguments& arguments) {
    const auto matrix = matrix_of(arguments);
    if (!matrix) return complain(matrix.error());
    const auto jobs = chosen_jobs(arguments, *matrix);
    if (!jobs) return complain(jobs.error());
    if (arguments.json) {
        Json all = Json::array();
        for (const auto& job : *jobs) all.push_back(to_json(job));
        fmt::print("{}\n", all.dump(2));
        return exit_ok;
    }
    std::size_t width = 0;
    for (const auto& job : *jobs) width = std::max(width, job.name.size());
    for (const auto& job : *jobs) fmt::print("{:{}}  {}\n", job.name, width, job.suite->title);
    return exit_ok;
}

Result<fs::path> find_engine(const Arguments& arguments) {
    std::error_code error;
    const fs::path engine =
        arguments.engine.empty()
            ? fs::read_symlink("/proc/self/exe", error).parent_path() / "relfence-lab"
            : fs::absolute(arguments.engine);
    if (::access(engine.c_str(), X_OK) != 0) return fail_errno("run", engine.string());
    return engine;
}

/// Builds the kernels first: jobs at the same time would share the processors, and look stuck.
Result<void> build_kernels(const fs::path& engine, const std::vector<Job>& jobs,
                           const lab::Interrupts& interrupts) {
    std::vector<std::string> command{engine.string(), "build"};
    std::set<std::string> kernels;
    for (const auto& job : jobs)
        if (!job.kernel.empty() && kernels.insert(job.kernel).second) command.push_back(job.kernel);
    if (kernels.empty()) return {};
    lab::CommandOptions options;
    options.interrupts = &interrupts;
    fmt::print(stderr, "building what is not built of: {}\n", fmt::join(kernels, ", "));
    const auto built = lab::run_command(command, options);
    if (!built) return tl::make_unexpected(built.error());
    if (built->ok()) return {};
    const auto end = built->error.find_last_not_of('\n');
    const auto begin = built->error.rfind('\n', end);
    return fail(built->error.substr(begin == std::string::npos ? 0 : begin + 1,
                                    end == std::string::npos ? end : end - begin),
                "relfence-lab build");
}

Json to_json(const JobResult& result) {
    Json json = to_json(*result.job);
    json["ok"] = result.ok;
    json["why"] = result.why;
    json["command"] = result.command;
    json["duration_ms"] = result.duration.count();
    return json;
}

int run(const Arguments& arguments, const lab::Interrupts& interrupts) {
    const auto matrix = matrix_of(arguments);
    if (!matrix) return complain(matrix.error());
    const auto jobs = chosen_jobs(arguments, *matrix);
    if (!jobs) return complain(jobs.error());
    const auto engine = find_engine(arguments);
    if (!engine) return complain(engine.error());
    if (auto built = build_kernels(*engine, *jobs, interrupts); !built)
        return complain(built.error());
    const fs::path out = fs::absolute(arguments.out);
    lab::Progress progress{"matrix", "jobs", jobs->size()};
    RunOptions options{
        *engine, out, arguments.parallel, &interrupts, [&](const JobResult& result) {
            progress.say(fmt::format("{:4}  {}{}{}", result.ok ? "ok" : "FAIL", result.job->name,
                                     result.ok ? "" : ": ", result.why));
            progress.step();
        }};
    const auto results = run_jobs(*jobs, options);
    progress.finish();
    if (!results) return complain(results.error());
    Json all = Json::array();
    std::size_t good = 0;
    for (const auto& result : *results) {
        all.push_back(to_json(result));
        good += result.ok;
    }
    for (const auto& [name, text] : {std::pair{"results.json", all.dump(2) + "\n"},
                                     std::pair{"results.ktap", to_ktap(*results)}})
        if (auto written = write_file(out / name, text); !written) return complain(written.error());
    if (arguments.json)
        fmt::print("{}\n", all.dump(2));
    else
        fmt::print("{} of {} jobs as expected; {}\n", good, results->size(),
                   (out / "results.ktap").string());
    return good == results->size() ? exit_ok : exit_failed;
}

int write_lava(const Arguments& arguments) {
    const auto matrix = matrix_of(arguments);
    if (!matrix) return complain(matrix.error());
    const auto jobs = lava_jobs(*matrix, arguments.artifacts);
    if (!jobs) return complain(jobs.error());
    const fs::path out = fs::absolute(arguments.out);
    if (auto made = lab::make_directories(out); !made) return complain(made.error());
    for (const auto& job : *jobs) {
        const fs::path file = out / (job.name + ".yaml");
        if (auto written = write_file(file, job.yaml); !written) return complain(written.error());
        fmt::print("{}\n", file.string());
    }
    return exit_ok;
}

void add_choice(CLI::App& command, Arguments& arguments) {
    command.add_option("-s,--suite", arguments.suites, "only this suite; repeatable")
        ->allow_extra_args(false);
    command.add_option("-k,--kernel", arguments.kernels, "only this kernel; repeatable")
        ->allow_extra_args(false);
    command.add_option("-b,--board", arguments.boards, "only this board; repeatable")
        ->allow_extra_args(false);
}

}  // namespace
}  // namespace relfence::matrix

int main(int argc, char** argv) {
    using namespace relfence;
    using namespace relfence::matrix;
    CLI::App app{"Runs every suite with every kernel on every board, here or in a laboratory.",
                 "relfence-lab matrix"};
    Arguments arguments;
    app.require_subcommand(1);
    app.add_option("--project", arguments.project,
                   "directory with lab/matrix.json (default: found from the program's own)");
    app.add_option("--matrix", arguments.file, "another file than lab/matrix.json");
    app.add_flag("--json", arguments.json, "for machines");
    app.fallthrough();
    app.footer(
        "Exit code: 0 all as expected, 1 a job is not, 2 bad input or a tool failed, 130\n"
        "interrupted.\n"
        "\n"
        "Examples:\n"
        "  relfence-lab matrix list\n"
        "  relfence-lab matrix run --suite test-drivers --kernel v2\n"
        "  relfence-lab matrix lava --artifacts https://files.example.org/relfence --out jobs");
    CLI::App* list_command = app.add_subcommand("list", "the jobs");
    add_choice(*list_command, arguments);
    CLI::App* run_command = app.add_subcommand("run", "run the jobs on this machine");
    add_choice(*run_command, arguments);
    run_command->add_option("-o,--out", arguments.out, "directory for results")
        ->capture_default_str();
    run_command
        ->add_option("-p,--parallel", arguments.parallel,
                     "jobs at the same time (default: one for each core)")
        ->check(CLI::Range(1, 1024));
    run_command->add_option(
        "--engine", arguments.engine,
        "the program that does the jobs (default: relfence-lab beside this one)");
    run_command->footer(
        "Each job leaves stdout, stderr and its results in a directory of its own in --out;\n"
        "results.ktap has all of them as KernelCI reads them, results.json what was run.\n"
        "\n"
        "Example:\n  relfence-lab matrix run --kernel v2 --parallel 1");
    CLI::App* lava_command =
        app.add_subcommand("lava", "write the jobs for real boards as LAVA job definitions");
    lava_command->add_option("-o,--out", arguments.out, "directory for them")
        ->capture_default_str();
    lava_command
        ->add_option("--artifacts", arguments.artifacts,
                     "URL where the laboratory finds KERNEL/Image, KERNEL/modules.tar.xz,\n"
                     "KERNEL/dtbs and rootfs.cpio.gz with relfence in it")
        ->required();
    lava_command->footer(
        "Example:\n"
        "  relfence-lab matrix lava --artifacts https://files.example.org/relfence --out jobs\n"
        "  lavacli jobs submit jobs/check-v2-fresnel.yaml");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? exit_ok : exit_error;
    }
    if (list_command->parsed()) return list(arguments);
    if (lava_command->parsed()) return write_lava(arguments);
    const auto interrupts = lab::Interrupts::create();
    if (!interrupts) return complain(interrupts.error());
    return run(arguments, *interrupts);
}
