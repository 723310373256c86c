// SPDX-License-Identifier: MIT
#include "bench/measure.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <optional>
#include <sched.h>

#include <relfence/dmabuf/dma_buf.hpp>

namespace relfence::bench {
namespace {

using namespace std::chrono_literals;

constexpr const char* no_fence = "no fence is on the dma-buf while the driver writes";
constexpr const char* too_short = "the jobs end before one can look at them";
/// Between them, it is looked whether the job has ended: more would outlive a short job.
constexpr unsigned looks_at_a_time = 4;

std::int64_t nanoseconds(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}
std::int64_t now() {
    return nanoseconds(CLOCK_MONOTONIC);  // the clock of the timestamps of fences
}

/// Appends unless the time is negative, as a clock's that was read on two processors.
void add(std::vector<double>& samples, std::int64_t time) {
    samples.push_back(static_cast<double>(std::max<std::int64_t>(time, 0)));
}

Result<void> look(int dma_buf, std::vector<double>& samples) {
    const auto start = now();
    {
        const auto fence = dmabuf::export_sync_file(dma_buf, dmabuf::Access::read);
        if (!fence) return tl::make_unexpected(fence.error());
    }
    add(samples, now() - start);
    return {};
}

/// A driver at work, frame after frame.
class Bench {
  public:
    Bench(jobs::JobSource& source, const Plan& plan) : source_{source}, plan_{plan} {}

    Result<Run> measure() {
        if (auto ok = source_.rewind(); !ok) return tl::make_unexpected(ok.error());
        for (const auto part :
             {&Bench::keep_busy, &Bench::wait_for_jobs, &Bench::look_at_idle, &Bench::look_at_jobs})
            if (auto ok = (this->*part)(); !ok) return tl::make_unexpected(ok.error());
        return std::move(run_);
    }

  private:
    Result<jobs::Handover> submit() {
        auto handover = source_.submit(next_++, jobs::Before::stale);
        if (handover) dma_buf_ = handover->dma_buf;
        return handover;
    }

    Result<void> keep_busy() {
        // The first frames fill buffers and caches, and are no samples.
        const unsigned warm_up = source_.depth();
        const unsigned all = plan_.frames + warm_up;
        std::vector<double> intervals;
        std::int64_t start = 0;
        std::int64_t start_cpu = 0;
        std::int64_t last = 0;
        for (unsigned done = 0, submitted = 0; done < all; ++done) {
            for (; submitted < all && submitted - done < source_.depth(); ++submitted)
                if (auto ok = submit(); !ok) return tl::make_unexpected(ok.error());
            if (auto ok = source_.finish(); !ok) return ok;
            const auto at = now();
            if (done >= warm_up) {
                add(intervals, at - last);
            } else {
                start = at;
                start_cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
            }
            last = at;
        }
        // Some kernels count a process's time in ticks: of a single frame it would tell nothing.
        const auto cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - start_cpu;
        const double rate =
            plan_.frames * 1e9 / static_cast<double>(std::max<std::int64_t>(last - start, 1));
        keep("frame_interval", "ns", std::move(intervals), "");
        keep("cpu_per_frame", "ns", {static_cast<double>(cpu) / plan_.frames}, "");
        keep("frames_per_second", "1/s", {rate}, "");
        return {};
    }

    /// The fence of a job that was submitted. A driver may finish the job before only after DQBUF
    /// returned its buffer, and starts the next one then: it gets the chance to.
    /// @return nothing when there is none until the job has ended
    Result<std::optional<sync::SyncFile>> fence_of_job() {
        // Not for ever: without a fence there is nothing to wait for here but the end of the job,
        // and a modelled board's time may stand still for as long as this asks.
        for (unsigned attempt = 0; attempt < 200; ++attempt) {
            auto file = dmabuf::export_sync_file(dma_buf_, dmabuf::Access::read);
            if (!file) return tl::make_unexpected(file.error());
            const auto fences = file->fences();
            if (!fences) return tl::make_unexpected(fences.error());
            if (std::ranges::any_of(*fences, &sync::Fence::active))
                return std::optional{std::move(*file)};
            const auto over = source_.finished();
            if (!over) return tl::make_unexpected(over.error());
            if (*over) return std::optional<sync::SyncFile>{};
            busy_without_fence_ = true;
            ::sched_yield();
        }
        return std::optional<sync::SyncFile>{};
    }

    /// When the last fence of a set signalled; 0 when one has not.
    static Result<std::int64_t> signalled_at(const sync::SyncFile& file) {
        const auto fences = file.fences();
        if (!fences) return tl::make_unexpected(fences.error());
        std::uint64_t at = 0;
        for (const sync::Fence& fence : *fences) {
            if (fence.active()) return 0;
            at = std::max(at, fence.timestamp_ns);
        }
        return static_cast<std::int64_t>(at);
    }

    Result<void> wait_for_jobs() {
        std::vector<double> cycles;
        std::vector<double> polls;
        std::vector<double> dequeues;
        for (unsigned job = 0; job < 3 * plan_.jobs; ++job) {
            const auto start = now();
            if (auto ok = submit(); !ok) return tl::make_unexpected(ok.error());
            if (job % 3 == 0) {
                if (auto ok = source_.finish(); !ok) return ok;
                add(cycles, now() - start);
                continue;
            }
            const auto fence = fence_of_job();
            if (!fence) return tl::make_unexpected(fence.error());
            const auto waiting = now();
            if (job % 3 == 1 && *fence) {
                const auto passed = dmabuf::wait(dma_buf_, dmabuf::Access::read, 5s);
                const auto woken = now();
                if (!passed) return tl::make_unexpected(passed.error());
                const auto at = signalled_at(**fence);
                if (!at) return tl::make_unexpected(at.error());
                if (*at > waiting) add(polls, woken - *at);
            }
            if (auto ok = source_.finish(); !ok) return ok;
            const auto woken = now();
            if (job % 3 == 2 && *fence) {
                const auto at = signalled_at(**fence);
                if (!at) return tl::make_unexpected(at.error());
                if (*at > waiting) add(dequeues, woken - *at);
            }
        }
        keep("submit_to_dqbuf", "ns", std::move(cycles), "");
        const char* const why = busy_without_fence_ ? no_fence : too_short;
        keep("poll_wake", "ns", std::move(polls), why);
        keep("dqbuf_wake", "ns", std::move(dequeues), why);
        return {};
    }

    Result<void> look_at_idle() {
        std::vector<double> samples;
        for (unsigned i = 0; i < plan_.looks; ++i)
            if (auto ok = look(dma_buf_, samples); !ok) return ok;
        keep("export_sync_file_idle", "ns", std::move(samples), "");
        return {};
    }

    Result<void> look_at_jobs() {
        std::vector<double> samples;
        for (unsigned job = 0; job < plan_.jobs; ++job) {
            if (auto ok = submit(); !ok) return tl::make_unexpected(ok.error());
            for (;;) {
                std::vector<double> some;
                for (unsigned i = 0; i < looks_at_a_time; ++i)
                    if (auto ok = look(dma_buf_, some); !ok) return ok;
                const auto over = source_.finished();
                if (!over) return tl::make_unexpected(over.error());
                // These may have been looks at a buffer that was there already.
                if (*over) break;
                samples.insert(samples.end(), some.begin(), some.end());
                if (samples.size() >= (job + 1) * 10 * looks_at_a_time) break;
            }
            if (auto ok = source_.finish(); !ok) return ok;
        }
        keep("export_sync_file_in_flight", "ns", std::move(samples), too_short);
        return {};
    }

    void keep(const char* name, const char* unit, std::vector<double> samples, const char* why) {
        if (samples.empty())
            run_.missing[name] = why;
        else
            run_.figures[name] = {unit, std::move(samples)};
    }

    jobs::JobSource& source_;
    const Plan& plan_;
    Run run_;
    unsigned next_ = 0;
    int dma_buf_ = -1;
    bool busy_without_fence_ = false;
};

}  // namespace

Result<Run> measure_run(jobs::JobSource& source, const Plan& plan) {
    return Bench{source, plan}.measure();
}

}  // namespace relfence::bench
