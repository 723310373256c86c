// SPDX-License-Identifier: MIT
// cost: what the system calls of producers and consumers take, in ns, with every sample.
#include <chrono>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include <relfence/dmabuf/dma_buf.hpp>

#include "cases/case.hpp"
#include "players/player.hpp"

namespace relfence::cases {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Samples = std::vector<std::int64_t>;

constexpr unsigned clip_frames = 8;
/// Long enough for a batch of looks at a job in flight.
constexpr auto cost_job_time = 100ms;
constexpr unsigned looks_per_job = 100;

/// Measures @p work and keeps the time when it says that it counts.
template <typename Work>
bool measure(Samples& samples, Work work) {
    const auto start = Clock::now();
    const bool ok = work();
    const auto end = Clock::now();
    if (ok) samples.push_back(std::chrono::nanoseconds{end - start}.count());
    return ok;
}

bool export_and_close(int dma_buf) {
    return dmabuf::export_sync_file(dma_buf, dmabuf::Access::read).has_value();
}

bool poll_at_once(int dma_buf) {
    return dmabuf::wait(dma_buf, dmabuf::Access::read, 0ms).has_value();
}

/// Exports and polls @p count times each.
Result<void> look(int dma_buf, unsigned count, Samples& exports, Samples& polls) {
    for (unsigned i = 0; i < count; ++i) {
        if (!measure(exports, [&] { return export_and_close(dma_buf); }))
            return fail_errno("DMA_BUF_IOCTL_EXPORT_SYNC_FILE", "dma-buf");
        if (!measure(polls, [&] { return poll_at_once(dma_buf); }))
            return fail_errno("poll", "dma-buf");
    }
    return {};
}

/// What the kernel recorded since it booted, in ns: nothing on a kernel without the lab's cost
/// patches. Source: drivers/media/v4l2-core/v4l2-mem2mem-cost.c of the lab.
Samples recorded(const std::string& what) {
    std::ifstream file{"/sys/kernel/debug/v4l2-mem2mem-cost/" + what};
    return {std::istream_iterator<std::int64_t>{file}, {}};
}

Samples recorded_since(const std::string& what, const Samples& before) {
    Samples all = recorded(what);
    all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(before.size()));
    return all;
}

}  // namespace

Outcome cost(const Setup& setup) {
    auto player = players::open_player(setup.driver, image::Layout::nv12, clip_frames, 4);
    if (!player) return Outcome::error(player.error());
    viewing::Producer& producer = *player->producer;
    if (auto ok = producer.rewind(); !ok) return Outcome::error(ok.error());
    const unsigned cycles = setup.quick ? 200 : 400;
    const unsigned jobs_in_flight = setup.quick ? 2 : 10;

    const Samples attach_before = recorded("attach");
    const Samples done_before = recorded("buffer_done");
    Samples cycle;
    Samples export_idle;
    Samples poll_idle;
    Samples export_busy;
    Samples poll_busy;
    int dma_buf = -1;
    unsigned discarded = 0;
    for (unsigned i = 0; i < cycles; ++i) {
        Result<void> done;
        measure(cycle, [&] {
            const auto handover = producer.submit(i % clip_frames, viewing::Before::stale);
            if (!handover)
                done = tl::make_unexpected(handover.error());
            else
                dma_buf = handover->dma_buf, done = producer.finish();
            return done.has_value();
        });
        if (!done) return Outcome::error(done.error());
    }
    const Samples attach = recorded_since("attach", attach_before);
    const Samples buffer_done = recorded_since("buffer_done", done_before);
    if (auto ok = look(dma_buf, cycles, export_idle, poll_idle); !ok)
        return Outcome::error(ok.error());
    // A kernel without the lab's groundwork has no job to look at in flight; the rest still counts.
    if (const auto slow = players::JobTime::set(setup.driver, cost_job_time)) {
        for (unsigned i = 0; i < jobs_in_flight; ++i) {
            const auto handover = producer.submit(i % clip_frames, viewing::Before::stale);
            if (!handover) return Outcome::error(handover.error());
            Samples exports;
            Samples polls;
            if (auto ok = look(handover->dma_buf, looks_per_job, exports, polls); !ok)
                return Outcome::error(ok.error());
            const auto over = producer.finished();
            if (!over) return Outcome::error(over.error());
            if (auto ok = producer.finish(); !ok) return Outcome::error(ok.error());
            // On a stalled host the job may end while it is looked at: then none of it counts.
            if (*over) {
                ++discarded;
                continue;
            }
            export_busy.insert(export_busy.end(), exports.begin(), exports.end());
            poll_busy.insert(poll_busy.end(), polls.begin(), polls.end());
        }
    }
    Outcome outcome;
    outcome.details["jobs_discarded"] = discarded;
    if (!attach.empty()) outcome.add_samples("attach", "ns", attach);
    if (!buffer_done.empty()) outcome.add_samples("buffer_done", "ns", buffer_done);
    outcome.add_samples("qbuf_to_dqbuf", "ns", cycle);
    outcome.add_samples("export_sync_file_close_idle", "ns", export_idle);
    outcome.add_samples("poll_idle", "ns", poll_idle);
    outcome.add_samples("export_sync_file_close_in_flight", "ns", export_busy);
    outcome.add_samples("poll_in_flight", "ns", poll_busy);
    outcome.seen = "measured";
    return outcome;
}

}  // namespace relfence::cases
