// SPDX-License-Identifier: MIT
// in-flight-fence, in-flight-poll, export-order: what those who hold the dma-buf find while the
// driver writes it.
#include <chrono>

#include <fmt/format.h>

#include <relfence/dmabuf/dma_buf.hpp>

#include "cases/case.hpp"
#include "cases/one_job.hpp"
#include "cases/seen.hpp"
#include "players/player.hpp"

namespace relfence::cases {
namespace {

using namespace std::chrono_literals;
using dmabuf::Access;
using Fences = Result<std::vector<sync::Fence>>;

/// Long enough to look several times while the job runs, on a slow machine too.
constexpr auto in_flight_job_time = 200ms;
constexpr auto in_flight_patience = 5s;

struct Polls {
    bool read_ready = false;
    bool write_ready = false;
    [[nodiscard]] std::string text() const {
        const auto word = [](bool ready) { return ready ? "ready" : "waits"; };
        return fmt::format("POLLIN {}, POLLOUT {}", word(read_ready), word(write_ready));
    }
};

Result<Polls> both_polls(int dma_buf) {
    const auto read = dmabuf::wait(dma_buf, Access::read, 0ms);
    if (!read) return tl::make_unexpected(read.error());
    const auto write = dmabuf::wait(dma_buf, Access::write, 0ms);
    if (!write) return tl::make_unexpected(write.error());
    return Polls{*read, *write};
}

Result<std::string> see_fence(players::Jobs& jobs) {
    const auto job = watch_one_job(*jobs.source);
    if (!job) return tl::make_unexpected(job.error());
    if (!job->done) return tl::make_unexpected(job->done.error());
    return describe(*job);
}

Result<std::string> see_poll(players::Jobs& jobs) {
    const auto handover = jobs.source->submit(0, viewing::Before::stale);
    if (!handover) return tl::make_unexpected(handover.error());
    const auto during = both_polls(handover->dma_buf);
    if (!during) return tl::make_unexpected(during.error());
    if (auto ok = still_in_flight(*jobs.source); !ok) return tl::make_unexpected(ok.error());
    // Sleeps in poll(), as a compositor's event loop does, until the fence wakes it.
    const auto woken = dmabuf::wait(handover->dma_buf, Access::read, in_flight_patience);
    if (!woken) return tl::make_unexpected(woken.error());
    const auto over = jobs.source->finished();
    if (!over) return tl::make_unexpected(over.error());
    if (auto ok = jobs.source->finish(); !ok) return tl::make_unexpected(ok.error());
    const auto after = both_polls(handover->dma_buf);
    if (!after) return tl::make_unexpected(after.error());
    std::string seen = during->text();
    if (!during->read_ready)
        seen += !*woken ? "; never wakes" : *over ? "; wakes when done" : "; wakes too early";
    if (!after->read_ready || !after->write_ready) seen += "; when done: " + after->text();
    return seen;
}

Result<std::string> see_order(players::Jobs& jobs) {
    viewing::JobSource& source = *jobs.source;
    // Every buffer once, so that the one that is looked at has been exported before its job.
    const auto first = source.submit(0, viewing::Before::stale);
    if (!first) return tl::make_unexpected(first.error());
    if (auto ok = source.finish(); !ok) return tl::make_unexpected(ok.error());
    const Fences before = look(first->dma_buf);
    if (!before) return tl::make_unexpected(before.error());
    players::let_driver_go_idle();

    const auto again = source.submit(source.depth(), viewing::Before::stale);
    if (!again) return tl::make_unexpected(again.error());
    const auto late = source.export_again(again->buffer);
    if (!late) return tl::make_unexpected(late.error());
    const auto early_file = dmabuf::export_sync_file(again->dma_buf, Access::read);
    if (!early_file) return tl::make_unexpected(early_file.error());
    const auto late_file = dmabuf::export_sync_file(late->get(), Access::read);
    if (!late_file) return tl::make_unexpected(late_file.error());
    // Names are read in flight: since Linux 7.x a fence that has signalled has those of the stub.
    const Fences during = early_file->fences();
    if (!during) return tl::make_unexpected(during.error());
    const Fences late_during = late_file->fences();
    if (!late_during) return tl::make_unexpected(late_during.error());
    if (auto ok = still_in_flight(source); !ok) return tl::make_unexpected(ok.error());
    if (auto ok = source.finish(); !ok) return tl::make_unexpected(ok.error());
    const Fences of_early = early_file->fences();
    const Fences of_late = late_file->fences();
    if (!of_early) return tl::make_unexpected(of_early.error());
    if (!of_late) return tl::make_unexpected(of_late.error());
    // One fence signals once: two that did so in the same nanosecond under one name are one.
    const bool same = whose(*during) == whose(*late_during) &&
                      of_early->front().timestamp_ns == of_late->front().timestamp_ns;
    if (!sync::is_stub(*before)) return "left behind by the job before: " + describe(*before);
    const bool in_late = !sync::is_stub(*late_during);
    if (sync::is_stub(*during) && !in_late) return std::string{"no fence"};
    if (!in_late) return whose(*during) + ", not in the new export";
    if (sync::is_stub(*during)) return whose(*late_during) + ", not in the old export";
    return fmt::format("{}, {}", whose(*during), same ? "the same in both" : "another in each");
}

Outcome run(const Setup& setup, unsigned depth, Result<std::string> (*see)(players::Jobs&)) {
    auto jobs = players::open_jobs(setup.driver, depth, {}, in_flight_job_time);
    if (!jobs) return Outcome::error(jobs.error());
    if (auto ok = jobs->source->rewind(); !ok) return Outcome::error(ok.error());
    return Outcome::of(see(*jobs));
}

}  // namespace

Outcome in_flight_fence(const Setup& setup) {
    return run(setup, 1, see_fence);
}

Outcome in_flight_poll(const Setup& setup) {
    return run(setup, 1, see_poll);
}

Outcome export_order(const Setup& setup) {
    return run(setup, 2, see_order);
}

}  // namespace relfence::cases
