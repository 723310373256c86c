// SPDX-License-Identifier: MIT
#include "trace/live/command.hpp"

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

namespace relfence::trace {
namespace {

constexpr int patience_ms = 3000;  ///< between SIGTERM and SIGKILL

std::vector<std::string> environment_with(
    const std::vector<std::pair<std::string, std::string>>& more) {
    std::vector<std::string> all;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string line = *entry;
        bool replaced = false;
        for (const auto& [name, value] : more) replaced |= line.starts_with(name + "=");
        if (!replaced) all.push_back(line);
    }
    for (const auto& [name, value] : more) all.push_back(name + "=" + value);
    return all;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> all;
    for (std::string& string : strings) all.push_back(string.data());
    all.push_back(nullptr);
    return all;
}

/// Between fork and exec: only what is safe there. @return never
[[noreturn]] void become(char* const* arguments, char* const* environment, int output, int report) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    // From another process group, reading the terminal would stop it.
    if (::isatty(STDIN_FILENO) == 1) {
        const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (null >= 0) ::dup2(null, STDIN_FILENO);
    }
    if (output >= 0) {
        ::dup2(output, STDOUT_FILENO);
        ::dup2(output, STDERR_FILENO);
    }
    ::execvpe(arguments[0], arguments, environment);
    const int error = errno;
    [[maybe_unused]] const auto written = ::write(report, &error, sizeof error);
    ::_exit(127);
}

}  // namespace

TracedCommand::TracedCommand(int pid, UniqueFd pidfd, UniqueFd output)
    : pid_{pid}, pidfd_{std::move(pidfd)}, output_{std::move(output)} {}

TracedCommand::TracedCommand(TracedCommand&& other) noexcept
    : pid_{std::exchange(other.pid_, -1)},
      pidfd_{std::move(other.pidfd_)},
      output_{std::move(other.output_)} {}

TracedCommand::~TracedCommand() {
    stop();
}

Result<TracedCommand> TracedCommand::start(const Options& options) {
    UniqueFd output;
    if (options.keep_output) {
        output.reset(::memfd_create("output", MFD_CLOEXEC));
        if (!output.valid()) return fail_errno("memfd_create", "output of the command");
    }
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) < 0) return fail_errno("pipe", options.arguments.front());
    UniqueFd reads{ends[0]};
    UniqueFd writes{ends[1]};
    auto arguments = options.arguments;
    auto environment = environment_with(options.environment);
    const auto argument_pointers = pointers(arguments);
    const auto environment_pointers = pointers(environment);
    const int pid = ::fork();
    if (pid < 0) return fail_errno("fork", options.arguments.front());
    if (pid == 0)
        become(argument_pointers.data(), environment_pointers.data(),
               options.output_to_stderr ? STDERR_FILENO : output.get(), writes.get());
    ::setpgid(pid, pid);  // whoever is first
    writes.reset();
    int error = 0;
    if (::read(reads.get(), &error, sizeof error) == sizeof error) {
        ::waitpid(pid, nullptr, 0);
        return fail_errno("start", options.arguments.front(), error);
    }
    UniqueFd pidfd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
    TracedCommand command{pid, std::move(pidfd), std::move(output)};
    if (!command.pidfd_.valid())
        return fail_errno("pidfd_open", options.arguments.front());  // stops it
    return command;
}

void TracedCommand::stop() {
    if (pid_ < 0) return;
    ::kill(-pid_, SIGTERM);
    pollfd ended{pidfd_.get(), POLLIN, 0};
    if (!pidfd_.valid() || ::poll(&ended, 1, patience_ms) != 1) ::kill(-pid_, SIGKILL);
    wait();
}

std::string TracedCommand::wait() {
    if (pid_ < 0) return {};
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    // Nothing that it started stays either.
    ::kill(-pid_, SIGKILL);
    pid_ = -1;
    if (WIFSIGNALED(status)) return fmt::format("was killed by signal {}", WTERMSIG(status));
    if (WEXITSTATUS(status) != 0) return fmt::format("exited with {}", WEXITSTATUS(status));
    return {};
}

std::string TracedCommand::output() const {
    std::string text;
    if (!output_.valid()) return text;
    const off_t size = ::lseek(output_.get(), 0, SEEK_END);
    text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    const ssize_t got = ::pread(output_.get(), text.data(), text.size(), 0);
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
}

}  // namespace relfence::trace
