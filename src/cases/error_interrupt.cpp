// SPDX-License-Identifier: MIT
// error-interrupt, bus-error: the second job of the engine ends half-way, and its interrupt says
// so.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <vector>

#include "cases/apart.hpp"
#include "cases/case.hpp"
#include "cases/one_job.hpp"
#include "players/player.hpp"

namespace relfence::cases {
namespace {

using namespace std::chrono_literals;

Result<std::string> see_error(const std::string& driver) {
    auto jobs = players::open_jobs(driver, 1, {}, 0ms);
    if (!jobs) return tl::make_unexpected(jobs.error());
    viewing::JobSource& source = *jobs->source;
    // What the frame is when nothing goes wrong.
    const auto handover = source.submit(0, viewing::Before::zeros);
    if (!handover) return tl::make_unexpected(handover.error());
    if (auto ok = source.finish(); !ok) return tl::make_unexpected(ok.error());
    const std::vector<std::uint8_t> whole{handover->pixels.begin(), handover->pixels.end()};
    players::let_driver_go_idle();

    if (auto ok = source.rewind(); !ok) return tl::make_unexpected(ok.error());
    const auto job = watch_one_job(source, viewing::Before::zeros);
    if (!job) return tl::make_unexpected(job.error());
    const bool is_whole = std::ranges::equal(job->handover.pixels, whole);
    // The control of the case: the fault of the hardware must be there.
    if (is_whole) return fail("was made whole", "frame of a job that fails");
    if (job->done) return describe(*job) + "; said to be done, and is not";
    const bool ended = job->done.error().code != ETIMEDOUT;
    // STREAMOFF would wait for it, and so would close(): the process stays behind.
    if (!ended) static_cast<void>(jobs->source.release());
    return describe(*job) + (ended ? "; ended with an error" : "; never ends");
}

}  // namespace

Outcome error_interrupt(const Setup& setup) {
    return Outcome::of(look_apart([&] { return see_error(setup.driver); }));
}

}  // namespace relfence::cases
