// SPDX-License-Identifier: MIT
// hung-job, bus-error: the hardware never finishes. A fence must signal all the same, with an
// error.
#include <cerrno>
#include <chrono>

#include "cases/apart.hpp"
#include "cases/case.hpp"
#include "cases/one_job.hpp"
#include "players/player.hpp"

namespace relfence::cases {
namespace {

using namespace std::chrono_literals;

Result<std::string> see_hung_job(const std::string& driver) {
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
    return Outcome::of(look_apart([&] { return see_hung_job(setup.driver); }));
}

}  // namespace relfence::cases
