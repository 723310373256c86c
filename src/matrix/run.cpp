// SPDX-License-Identifier: MIT
#include <atomic>
#include <mutex>
#include <optional>
#include <sstream>
#include <sys/wait.h>
#include <thread>

#include <fmt/format.h>

#include <relfence/base/files.hpp>
#include <relfence/lab/files.hpp>
#include <relfence/matrix/run.hpp>

namespace relfence::matrix {
namespace fs = std::filesystem;
namespace {

/// The last line that has something in it.
std::string last_line(const std::string& text) {
    std::istringstream lines{text};
    std::string last;
    for (std::string line; std::getline(lines, line);)
        if (!line.empty()) last = line;
    return last;
}

void judge(JobResult& result, const lab::CommandResult& command, const fs::path& out,
           const fs::path& bin) {
    const Job& job = *result.job;
    const bool exited = WIFEXITED(command.status);
    if (!exited || WEXITSTATUS(command.status) != job.expected_exit) {
        const std::string said = last_line(command.error);
        result.why = fmt::format("{}, not {}{}{}", lab::describe_status(command.status),
                                 job.expected_exit, said.empty() ? "" : ": ", said);
    }
    if (job.suite->ktap.empty()) {
        result.ktap = command.output;
    } else {
        const fs::path file = fill_in(job, job.suite->ktap, out, bin);
        auto text = read_file(file);
        if (text) result.ktap = std::move(*text);
    }
    if (!result.ktap.starts_with("KTAP version 1")) {
        result.ktap.clear();
        if (result.why.empty()) result.why = "left no KTAP";
    }
    result.ok = result.why.empty();
}

Result<JobResult> run_job(const Job& job, const RunOptions& options) {
    const fs::path out = options.out / job.name;
    // What an earlier run left there would be taken for results of this one.
    std::error_code error;
    fs::remove_all(out, error);
    if (error) return fail_errno("remove", out.string(), error.value());
    if (auto made = lab::make_directories(out); !made) return tl::make_unexpected(made.error());
    const fs::path bin = options.engine.parent_path();
    JobResult result;
    result.job = &job;
    result.command = command_of(job, out, bin);
    result.command.insert(result.command.begin(), options.engine.string());
    lab::CommandOptions command_options;
    command_options.interrupts = options.interrupts;
    const auto started = std::chrono::steady_clock::now();
    auto command = lab::run_command(result.command, command_options);
    if (!command) return tl::make_unexpected(command.error());
    result.duration = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - started);
    result.status = command->status;
    for (const auto& [name, text] :
         {std::pair{"stdout", &command->output}, std::pair{"stderr", &command->error}})
        if (auto written = write_file(out / name, *text); !written)
            return tl::make_unexpected(written.error());
    judge(result, *command, out, bin);
    return result;
}

void indent(std::string& into, const std::string& text) {
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);) into += fmt::format("  {}\n", line);
}

}  // namespace

Result<std::vector<JobResult>> run_jobs(const std::vector<Job>& jobs, const RunOptions& options) {
    std::vector<std::optional<JobResult>> results(jobs.size());
    std::optional<Error> failed;
    std::mutex mutex;
    std::atomic<std::size_t> next = 0;
    std::atomic<bool> stop = false;
    const auto work = [&] {
        for (std::size_t i = next++; i < jobs.size() && !stop; i = next++) {
            auto result = run_job(jobs[i], options);
            const std::lock_guard guard{mutex};
            if (!result) {
                stop = true;
                if (!failed) failed = result.error();
                return;
            }
            if (options.ended) options.ended(*result);
            results[i] = std::move(*result);
        }
    };
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < std::min(options.parallel, jobs.size()); ++i)
        threads.emplace_back(work);
    for (auto& thread : threads) thread.join();
    if (failed) return tl::make_unexpected(*failed);
    std::vector<JobResult> all;
    for (auto& result : results) all.push_back(std::move(*result));
    return all;
}

std::string to_ktap(const std::vector<JobResult>& results) {
    std::string text = fmt::format("KTAP version 1\n1..{}\n", results.size());
    for (std::size_t i = 0; i < results.size(); ++i) {
        const JobResult& result = results[i];
        indent(text, result.ktap);
        if (!result.ok) text += fmt::format("# {}\n", result.why);
        text += fmt::format("{} {} {}\n", result.ok ? "ok" : "not ok", i + 1, result.job->name);
    }
    return text;
}

}  // namespace relfence::matrix
