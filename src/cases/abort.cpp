// SPDX-License-Identifier: MIT
// abort-streamoff, abort-close, abort-kill: the player goes away in mid-job; whoever waits for its
// frames must not wait for ever.
#include <chrono>
#include <optional>

#include "cases/case.hpp"
#include "cases/held_frames.hpp"
#include "cases/one_job.hpp"
#include "players/player.hpp"

namespace relfence::cases {
namespace {

using namespace std::chrono_literals;

constexpr auto abort_job_time = 200ms;

Result<std::string> abort_own(const Setup& setup, bool close) {
    auto jobs = players::open_jobs(setup.driver, queued_jobs, {}, abort_job_time);
    if (!jobs) return tl::make_unexpected(jobs.error());
    const auto dma_bufs = submit_jobs(*jobs->source);
    if (!dma_bufs) return tl::make_unexpected(dma_bufs.error());
    const auto held = HeldFrames::take(*dma_bufs);
    if (!held) return tl::make_unexpected(held.error());
    if (auto ok = still_in_flight(*jobs->source); !ok) return tl::make_unexpected(ok.error());
    if (close)
        jobs->source.reset();
    else if (auto ok = jobs->source->rewind(); !ok)
        return tl::make_unexpected(ok.error());
    return held->what_became_of_them();
}

Result<std::string> abort_kill_victim(const Setup& setup) {
    // The victim cannot put the job time back when it is killed.
    std::optional<players::JobTime> time;
    if (setup.driver != "vim2m") {
        auto set = players::JobTime::set(setup.driver, 0ms);
        if (!set) return tl::make_unexpected(set.error());
        time.emplace(std::move(*set));
    }
    auto victim = Victim::start(setup.driver);
    if (!victim) return tl::make_unexpected(victim.error());
    const auto dma_bufs = victim->dma_bufs();
    if (!dma_bufs) return tl::make_unexpected(dma_bufs.error());
    std::vector<int> numbers;
    for (const UniqueFd& dma_buf : *dma_bufs) numbers.push_back(dma_buf.get());
    const auto held = HeldFrames::take(numbers);
    if (!held) return tl::make_unexpected(held.error());
    victim->kill();
    return held->what_became_of_them();
}

}  // namespace

Outcome abort_streamoff(const Setup& setup) {
    return Outcome::of(abort_own(setup, false));
}

Outcome abort_close(const Setup& setup) {
    return Outcome::of(abort_own(setup, true));
}

Outcome abort_kill(const Setup& setup) {
    return Outcome::of(abort_kill_victim(setup));
}

}  // namespace relfence::cases
