// SPDX-License-Identifier: MIT
// The figures of one run.
#pragma once

#include <relfence/base/error.hpp>
#include <relfence/bench/saved_runs.hpp>

#include "jobs/job_source.hpp"

namespace relfence::bench {

/// How much of each is done in one run.
struct Plan {
    unsigned frames = 120;  ///< with the queue kept full: frames per second, CPU per frame
    unsigned jobs = 20;     ///< one at a time, for each kind of waiting
    unsigned looks = 200;   ///< at a buffer that is idle
};

/// Measures one run with a driver that is at work and has nothing queued. Leaves nothing queued.
///
/// - frame_interval, frames_per_second, cpu_per_frame: with all buffers queued all the time.
///   CPU is that of this process, in user space and in its system calls; not that of the driver's
///   interrupts and workers. One sample a run, as of the frames per second.
/// - submit_to_dqbuf: one job at a time.
/// - poll_wake: from the time at which the fence signalled, as SYNC_IOC_FILE_INFO tells it, until
///   poll() on the dma-buf has returned. dqbuf_wake: from the same time until the buffer is
///   dequeued. A job is waited for in one of both ways, so that neither waits for the other.
/// - export_sync_file_idle, export_sync_file_in_flight: DMA_BUF_IOCTL_EXPORT_SYNC_FILE with
///   close().
///
/// What cannot be measured, such as a wake-up without a fence, is in Run::missing with the reason.
/// Fails as the driver does: ENODEV for a device that has gone.
[[nodiscard]] Result<Run> measure_run(jobs::JobSource& source, const Plan& plan);

}  // namespace relfence::bench
