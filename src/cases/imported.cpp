// SPDX-License-Identifier: MIT
// imported-*: the driver writes into dma-bufs of somebody else's.
#include <chrono>

#include "cases/case.hpp"
#include "cases/one_job.hpp"
#include "players/player.hpp"

namespace relfence::cases {
namespace {

using namespace std::chrono_literals;

constexpr auto imported_job_time = 200ms;

}  // namespace

Outcome imported(const Setup& setup, const players::Memory& memory) {
    auto jobs = players::open_jobs(setup.driver, 1, memory, imported_job_time);
    if (!jobs) return Outcome::error(jobs.error());
    const auto job = watch_one_job(*jobs->source);
    if (!job) return Outcome::error(job.error());
    if (!job->done) return Outcome::error(job->done.error());
    return Outcome::of(describe(*job));
}

}  // namespace relfence::cases
