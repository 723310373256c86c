// SPDX-License-Identifier: MIT
// requeue-at-once: a client that is as fast as can be queues its next frame the moment it gets one.
// The hardware is idle then, so there must be a fence when VIDIOC_QBUF returns.
#include <cerrno>
#include <chrono>
#include <sched.h>
#include <utility>

#include <fmt/format.h>

#include "cases/apart.hpp"
#include "cases/case.hpp"
#include "cases/one_job.hpp"
#include "players/player.hpp"

namespace relfence::cases {
namespace {

using namespace std::chrono_literals;

/// Long enough to look while it runs, on a slow machine too.
constexpr auto requeue_job_time = 40ms;
constexpr unsigned wanted_frames = 8;
/// A look that came too late is no look; the next frame gets another.
constexpr unsigned most_frames = 3 * wanted_frames;

/// What was seen of the frames whose job still ran after the look.
struct Looks {
    unsigned frames = 0;
    unsigned had_fence = 0;
    [[nodiscard]] std::string text() const {
        return fmt::format("{} of {} had a fence", had_fence, frames);
    }
};

/// From here on this thread runs as soon as it is woken: in the middle of the worker that ends the
/// job, if the driver has given the frame back already.
Result<void> preempt_drivers() {
    const sched_param least{.sched_priority = ::sched_get_priority_min(SCHED_FIFO)};
    if (::sched_setscheduler(0, SCHED_FIFO, &least) != 0)
        return fail_errno("sched_setscheduler", "SCHED_FIFO");
    return {};
}

Result<void> look_at(viewing::JobSource& source, int dma_buf, Looks& looks) {
    const auto fences = look(dma_buf);
    if (!fences) return tl::make_unexpected(fences.error());
    const auto over = source.finished();
    if (!over) return tl::make_unexpected(over.error());
    // Without a fence and over: perhaps it was over before the look.
    if (sync::is_stub(*fences) && *over) return {};
    ++looks.frames;
    looks.had_fence += sync::is_stub(*fences) ? 0U : 1U;
    return {};
}

Result<std::string> requeue(const std::string& driver) {
    const bool hangs = players::has_hardware(driver);
    auto jobs = players::open_jobs(driver, 2, {}, requeue_job_time);
    if (!jobs) return tl::make_unexpected(jobs.error());
    viewing::JobSource& source = *jobs->source;
    if (auto ok = preempt_drivers(); !ok) return tl::make_unexpected(ok.error());
    Looks looks;
    for (unsigned i = 0; i < most_frames && looks.frames < wanted_frames; ++i) {
        const unsigned index = i % players::jobs_in_a_row;
        if (index == 0)
            if (auto ok = source.rewind(); !ok) return tl::make_unexpected(ok.error());
        const auto handover = source.submit(index, viewing::Before::stale);
        if (!handover) return tl::make_unexpected(handover.error());
        if (auto ok = look_at(source, handover->dma_buf, looks); !ok)
            return tl::make_unexpected(ok.error());
        const auto done = source.finish();
        if (done && hangs) return fail("was done", "a job that hangs");
        if (done || (hangs && done.error().code == EIO)) continue;
        if (!hangs || done.error().code != ETIMEDOUT) return tl::make_unexpected(done.error());
        // STREAMOFF would wait for it, and so would close(): the process stays behind.
        static_cast<void>(jobs->source.release());
        return looks.text() + "; never ends";
    }
    if (looks.frames < wanted_frames)
        return fail("ended before they were looked at", "jobs", "is the machine overloaded?");
    return looks.text();
}

}  // namespace

Outcome requeue_at_once(const Setup& setup) {
    // Apart, so that the priority ends with it.
    return Outcome::of(look_apart([&] { return requeue(setup.driver); }));
}

}  // namespace relfence::cases
