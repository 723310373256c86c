// SPDX-License-Identifier: MIT
// hung-job: the hardware never finishes. A fence must signal all the same, with an error.
#include <array>
#include <cerrno>
#include <chrono>
#include <unistd.h>

#include <relfence/base/unique_fd.hpp>

#include "cases/case.hpp"
#include "cases/one_job.hpp"
#include "players/player.hpp"

namespace relfence::cases {
namespace {

using namespace std::chrono_literals;

Result<std::string> see(const std::string& driver) {
    auto jobs = players::open_jobs(driver, 1, {}, 0ms);
    if (!jobs) return tl::make_unexpected(jobs.error());
    if (auto ok = jobs->source->rewind(); !ok) return tl::make_unexpected(ok.error());
    const auto job = watch_one_job(*jobs->source);
    if (!job) return tl::make_unexpected(job.error());
    // The control of the case: the fault of the hardware must be there.
    if (job->done) return fail("was done", "a job that hangs");
    const bool ended = job->done.error().code != ETIMEDOUT;
    auto text = describe(*job) + (ended ? "; ended with an error" : "; never ends");
    // STREAMOFF would wait for it, and so would close(): the process stays behind.
    if (!ended) static_cast<void>(jobs->source.release());
    return text;
}

}  // namespace

Outcome hung_job(const Setup& setup) {
    int ends[2];
    if (::pipe(ends) != 0) return Outcome::error(fail_errno("pipe", "hung-job").value());
    const UniqueFd read{ends[0]};
    UniqueFd write{ends[1]};
    // A process of its own, which nobody waits for: its end may never come.
    const pid_t child = ::fork();
    if (child < 0) return Outcome::error(fail_errno("fork", "hung-job").value());
    if (child == 0) {
        // Whoever waits for the end of our output must not wait for this process.
        for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::close(fd);
        const auto seen = see(setup.driver);
        const std::string text = seen ? "+" + *seen : "-" + seen.error().message();
        ::_exit(::write(write.get(), text.data(), text.size()) < 0 ? 1 : 0);
    }
    write.reset();
    std::array<char, 1024> text{};
    const ssize_t size = ::read(read.get(), text.data(), text.size());
    if (size < 1) return Outcome::error(fail("died", "the process with the job").value());
    const std::string said{text.data() + 1, static_cast<std::size_t>(size - 1)};
    if (text[0] != '+') return Outcome::error(fail(said, setup.driver).value());
    return Outcome::of(said);
}

}  // namespace relfence::cases
