// SPDX-License-Identifier: MIT
#include "cases/apart.hpp"

#include <array>
#include <unistd.h>

#include <relfence/base/unique_fd.hpp>

namespace relfence::cases {

Result<std::string> look_apart(const std::function<Result<std::string>()>& see) {
    int ends[2];
    if (::pipe(ends) != 0) return fail_errno("pipe", "a process that may never end");
    const UniqueFd read{ends[0]};
    UniqueFd write{ends[1]};
    // Nobody waits for it: its end may never come.
    const pid_t child = ::fork();
    if (child < 0) return fail_errno("fork", "a process that may never end");
    if (child == 0) {
        // Whoever waits for the end of our output must not wait for this process.
        for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::close(fd);
        const auto seen = see();
        const std::string text = seen ? "+" + *seen : "-" + seen.error().message();
        ::_exit(::write(write.get(), text.data(), text.size()) < 0 ? 1 : 0);
    }
    write.reset();
    std::array<char, 1024> text{};
    const ssize_t size = ::read(read.get(), text.data(), text.size());
    if (size < 1) return fail("died", "the process with the job");
    std::string said{text.data() + 1, static_cast<std::size_t>(size - 1)};
    if (text[0] != '+') return fail(said, "the process with the job");
    return said;
}

}  // namespace relfence::cases
