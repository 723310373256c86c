// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <system_error>

#include <fmt/format.h>

#include <relfence/board/job.hpp>

namespace relfence::board {
namespace {

constexpr int step_count = 16;
/// Where faults strike: half of the picture is written.
constexpr int fault_step = step_count / 2;
/// When a late interrupt comes after the reset where jobs take no set time: long enough for the
/// driver to have started the next job.
constexpr Nanoseconds late_interrupt_after = std::chrono::milliseconds{1};

std::size_t total_of(const MemoryWrites& writes) {
    std::size_t total = 0;
    for (const MemoryWrite& write : writes) total += write.bytes.size();
    return total;
}

}  // namespace

/// A job from its start to its end, or to its abort and the late interrupt after it. The board's
/// thread's, but `result`, which belongs to the computation until that is done.
struct JobRunner::Running {
    std::uint64_t number = 0;
    Fault fault = Fault::none;
    Nanoseconds begin{};
    Nanoseconds duration{};
    Ended ended;
    std::function<void()> spurious;
    Result<MemoryWrites> result;

    /// Held while a piece is written, where the computation does that: abort() waits for it.
    std::mutex writing;
    bool alive = true;
    bool waiting = false;  ///< timer is set
    Timeline::Id timer = 0;
    int step = 0;
    std::size_t total = 0;    ///< bytes to write
    std::size_t written = 0;  ///< bytes in memory
    std::size_t write = 0;    ///< index of the write that is under way
    std::size_t within = 0;   ///< bytes of that
};

Fault JobPolicy::for_job(std::uint64_t number) const {
    const auto listed = std::ranges::find(faults, number, &std::pair<std::uint64_t, Fault>::first);
    return listed != faults.end() ? listed->second : fault;
}

JobRunner::JobRunner(std::string device, Environment environment, JobPolicy policy)
    : device_{std::move(device)}, environment_{environment}, policy_{std::move(policy)} {}

JobRunner::~JobRunner() {
    for (const auto& job : {running_, late_}) {
        if (!job) continue;
        const std::lock_guard guard{job->writing};
        job->alive = false;
        if (job->waiting) environment_.timeline.cancel(job->timer);
    }
}

bool JobRunner::running() const {
    return running_ != nullptr;
}

void JobRunner::start(Compute compute, Ended ended, std::function<void()> spurious) {
    if (running_) {
        environment_.log.driver_bug(device_,
                                    fmt::format("start while job {} runs: ignored", number_));
        return;
    }
    auto job = std::make_shared<Running>();
    job->number = ++number_;
    job->fault = policy_.for_job(number_);
    job->begin = environment_.timeline.now();
    job->duration = policy_.duration;
    job->ended = std::move(ended);
    job->spurious = std::move(spurious);
    running_ = job;
    environment_.log.event(device_, fmt::format("job {} started", number_));
    environment_.log.job(device_, JobEvent::started);
    // Without a clock of its own each step is due at once, when the computation is done.
    // Nothing else is due in the meantime then: it writes where the bytes still are in its cache.
    const bool writes = job->duration == Nanoseconds{} && job->fault == Fault::none;
    environment_.timeline.compute(
        [&dma = environment_.dma, job, writes, compute = std::move(compute)] {
            job->result = compute();
            if (writes && job->result) write_all(*job, dma);
        },
        [this, job] {
            if (job->alive) computed(job);
        });
}

void JobRunner::wait(const std::shared_ptr<Running>& job, Nanoseconds when,
                     void (JobRunner::*next)(const std::shared_ptr<Running>&)) {
    job->waiting = true;
    job->timer = environment_.timeline.at(when, [this, job, next] {
        job->waiting = false;
        (this->*next)(job);
    });
}

void JobRunner::computed(const std::shared_ptr<Running>& job) {
    if (job->result && job->total > 0 && job->written == job->total) {
        end(job, JobEnd::done);
    } else if (job->result) {
        job->total = total_of(*job->result);
        wait(job, job->begin + job->duration / step_count, &JobRunner::step);
    } else {
        // Nothing will be written: what the engine read told it so on the way.
        wait(job, job->begin + job->duration * fault_step / step_count, &JobRunner::failed);
    }
}

/// In the computation's thread.
void JobRunner::write_all(Running& job, const Dma& dma) {
    job.total = total_of(*job.result);
    for (std::size_t step = 1; step <= step_count; ++step) {
        const std::lock_guard guard{job.writing};
        if (!job.alive) return;
        // What cannot be written is refused by step(), which tries it again.
        if (!write_up_to(job, dma, job.total * step / step_count)) return;
    }
}

void JobRunner::failed(const std::shared_ptr<Running>& job) {
    if (job->fault == Fault::hang || job->fault == Fault::late_interrupt) return hang(*job);
    refuse(job, job->result.error());
}

void JobRunner::hang(const Running& job) {
    environment_.log.event(device_, fmt::format("job {} hangs: a fault", job.number));
}

void JobRunner::refuse(const std::shared_ptr<Running>& job, const Error& error) {
    // An address that is refused is none of the guest's memory: it is the same in every run.
    const std::string text = fmt::format("job {}: {}", job->number, error.message());
    if (error.code == EFAULT) {
        environment_.log.driver_bug(device_, text);
        return end(job, JobEnd::bus_error);
    }
    environment_.log.event(device_, text);
    end(job, JobEnd::error);
}

void JobRunner::step(const std::shared_ptr<Running>& job) {
    ++job->step;
    const std::size_t share = job->total * static_cast<std::size_t>(job->step) / step_count;
    if (auto done = write_up_to(*job, environment_.dma, share); !done)
        return refuse(job, done.error());

    Nanoseconds later{};
    if (job->step >= fault_step) {
        switch (job->fault) {
            case Fault::none:
                break;
            case Fault::hang:
            case Fault::late_interrupt:
                environment_.log.event(device_, fmt::format("job {} hangs: a fault", job->number));
                return;
            case Fault::late:
                if (job->step == fault_step)
                    environment_.log.event(device_,
                                           fmt::format("job {} is late: a fault", job->number));
                later = policy_.late_by;
                break;
            case Fault::error_status:
                environment_.log.event(device_, fmt::format("job {} fails: a fault", job->number));
                return end(job, JobEnd::error);
            case Fault::bus_error:
                environment_.log.event(device_,
                                       fmt::format("job {} has a bus error: a fault", job->number));
                return end(job, JobEnd::bus_error);
            case Fault::spurious:
                if (job->step != fault_step) break;
                environment_.log.event(
                    device_, fmt::format("job {}: spurious interrupt: a fault", job->number));
                job->spurious();
                // A guest that is told at once may have reset the engine by now.
                if (!job->alive) return;
                break;
        }
    }
    if (job->step == step_count) return end(job, JobEnd::done);
    wait(job, job->begin + later + job->duration * (job->step + 1) / step_count, &JobRunner::step);
}

Result<void> JobRunner::write_up_to(Running& job, const Dma& dma, std::size_t share) {
    while (job.written < share) {
        const MemoryWrite& write = (*job.result)[job.write];
        if (job.within == write.bytes.size()) {
            ++job.write;
            job.within = 0;
            continue;
        }
        const std::size_t size = std::min(share - job.written, write.bytes.size() - job.within);
        auto memory = dma.slice(write.address + job.within, size);
        if (!memory) return tl::make_unexpected(memory.error());
        std::memcpy(memory->data(), write.bytes.data() + job.within, size);
        job.within += size;
        job.written += size;
    }
    return {};
}

void JobRunner::end(const std::shared_ptr<Running>& job, JobEnd how) {
    environment_.log.event(device_, fmt::format("job {} {}", job->number,
                                                how == JobEnd::done    ? "done"
                                                : how == JobEnd::error ? "ended with an error"
                                                                       : "ended with a bus error"));
    environment_.log.job(device_, how == JobEnd::done ? JobEvent::done : JobEvent::failed);
    // The device's interrupt may bring the next start before ended() returns.
    running_.reset();
    job->alive = false;
    job->ended(how);
}

void JobRunner::late_interrupt(const std::shared_ptr<Running>& job) {
    late_.reset();
    environment_.log.event(device_,
                           fmt::format("job {}: interrupt after its reset: a fault", job->number));
    job->ended(JobEnd::done);
}

void JobRunner::abort() {
    if (!running_) return;
    const auto job = std::move(running_);
    running_.reset();
    {
        const std::lock_guard guard{job->writing};
        job->alive = false;
    }
    if (job->waiting) environment_.timeline.cancel(job->timer);
    job->waiting = false;
    environment_.log.event(device_, fmt::format("job {} aborted", job->number));
    environment_.log.job(device_, JobEvent::aborted);
    if (job->fault != Fault::late_interrupt) return;
    if (late_ && late_->waiting) environment_.timeline.cancel(late_->timer);
    late_ = job;
    const Nanoseconds delay =
        job->duration > Nanoseconds{} ? job->duration / 2 : late_interrupt_after;
    wait(job, environment_.timeline.now() + delay, &JobRunner::late_interrupt);
}

}  // namespace relfence::board
