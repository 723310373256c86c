// SPDX-License-Identifier: MIT
#include <array>
#include <csignal>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <relfence/base/apart.hpp>
#include <relfence/base/unique_fd.hpp>

namespace relfence {
namespace {

constexpr std::size_t largest_word = 4096;

/// Waits until there is something to read or the time is over. @return whether there is
bool readable(const UniqueFd& fd, std::chrono::milliseconds limit) {
    pollfd waiting{fd.get(), POLLIN, 0};
    return ::poll(&waiting, 1, static_cast<int>(limit.count())) > 0;
}

}  // namespace

Result<Apart> run_apart(const std::function<std::string()>& work, std::chrono::milliseconds limit,
                        std::chrono::milliseconds linger) {
    int ends[2];
    if (::pipe(ends) != 0) return fail_errno("pipe", "a process that may never end");
    const UniqueFd read{ends[0]};
    UniqueFd write{ends[1]};
    const pid_t child = ::fork();
    if (child < 0) return fail_errno("fork", "a process that may never end");
    if (child == 0) {
        // Whoever waits for the end of our output must not wait for this process.
        for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::close(fd);
        std::string text = work();
        text.resize(std::min(text.size(), largest_word));
        ::_exit(::write(write.get(), text.data(), text.size()) < 0 ? 1 : 0);
    }
    write.reset();
    Apart apart;
    const bool in_time = readable(read, limit);
    if (in_time) {
        std::array<char, largest_word> text{};
        const ssize_t size = ::read(read.get(), text.data(), text.size());
        if (size > 0) apart.said = std::string{text.data(), static_cast<std::size_t>(size)};
    } else {
        ::kill(child, SIGKILL);
    }
    if (linger.count() == 0) return apart;
    const UniqueFd process{static_cast<int>(::syscall(SYS_pidfd_open, child, 0))};
    if (!readable(process, linger)) return apart;
    int status = 0;
    if (::waitpid(child, &status, 0) == child) {
        apart.ended = true;
        apart.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    }
    return apart;
}

}  // namespace relfence
