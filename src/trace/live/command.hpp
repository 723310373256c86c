// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/base/unique_fd.hpp>

namespace relfence::trace {

/// A program that is traced from its start. It runs in a process group of its own, and does not
/// outlive this object. Not thread-safe.
class TracedCommand {
  public:
    struct Options {
        std::vector<std::string> arguments;
        /// Variables beside those of this process; they win.
        std::vector<std::pair<std::string, std::string>> environment;
        /// Its output is kept, and comes from output(): a table has the terminal.
        bool keep_output = false;
        /// What it prints goes to stderr: stdout is for the trace's own JSON.
        bool output_to_stderr = false;
    };
    /// Fails when it cannot be started, with the reason of execvp(3).
    [[nodiscard]] static Result<TracedCommand> start(const Options& options);
    TracedCommand(TracedCommand&& other) noexcept;
    TracedCommand& operator=(TracedCommand&&) = delete;
    ~TracedCommand();

    /// Becomes readable when it ends. Borrowed.
    [[nodiscard]] int pidfd() const { return pidfd_.get(); }
    /// Asks it to end, and makes it end after some seconds; then as wait().
    void stop();
    /// Waits for its end. @return "exited with 3", "was killed by signal 9"; empty: exited with 0
    std::string wait();
    /// What it wrote, if that was kept.
    [[nodiscard]] std::string output() const;

  private:
    TracedCommand(int pid, UniqueFd pidfd, UniqueFd output);

    int pid_ = -1;  ///< -1: has been waited for
    UniqueFd pidfd_;
    UniqueFd output_;
};

}  // namespace relfence::trace
