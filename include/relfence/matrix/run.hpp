// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/lab/process.hpp>
#include <relfence/matrix/matrix.hpp>

namespace relfence::matrix {

/// How a job ended.
struct JobResult {
    const Job* job = nullptr;
    std::vector<std::string> command;
    int status = 0;   ///< wait status
    bool ok = false;  ///< exited as expected, and left its results
    std::string why;  ///< one line when not ok
    std::string ktap;
    std::chrono::milliseconds duration{0};
};

struct RunOptions {
    std::filesystem::path engine;  ///< relfence-lab
    std::filesystem::path out;     ///< each job gets a directory of its name below it
    std::size_t parallel = 1;
    const lab::Interrupts* interrupts = nullptr;
    /// Called after each job, by one thread at a time.
    std::function<void(const JobResult&)> ended;
};

/// Runs the jobs, some at a time. A job that fails is a result; stdout and stderr of each are kept
/// in its directory as stdout and stderr.
/// @return the results in the order of @p jobs, or the first error: a directory that cannot be
/// made, an engine that does not start, EINTR
[[nodiscard]] Result<std::vector<JobResult>> run_jobs(const std::vector<Job>& jobs,
                                                      const RunOptions& options);

/// All results as one KTAP version 1 document: a subtest for each job, as KernelCI reads them.
/// Source: Documentation/dev-tools/ktap.rst.
[[nodiscard]] std::string to_ktap(const std::vector<JobResult>& results);

}  // namespace relfence::matrix
