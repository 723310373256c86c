// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <relfence/base/error.hpp>
#include <relfence/base/unique_fd.hpp>
#include <relfence/v4l2/stream.hpp>

#include "jobs/job_source.hpp"

namespace relfence::jobs {

/// The two queues of a mem2mem device, and what all kinds of such devices have in common. What goes
/// in differs: see feed(). Not thread-safe.
class QueuePair : public JobSource {
  public:
    [[nodiscard]] unsigned depth() const override;
    Result<void> rewind() override;
    Result<Handover> submit(unsigned index, Before before) override;
    /// Fails with ETIMEDOUT when there is nothing to take back in time, and with EIO when the
    /// driver said with V4L2_BUF_FLAG_ERROR that it could not do the job.
    Result<void> finish() override;
    Result<bool> finished() override;
    Result<UniqueFd> export_again(unsigned buffer) override;

    /// The first half of submit(): queues the CAPTURE buffer of a frame, which starts no job.
    Result<Handover> offer(unsigned index, Before before);
    /// The second half: queues what goes in.
    /// @param hold_capture another job follows that writes the same CAPTURE buffer
    virtual Result<void> feed(unsigned index, bool hold_capture) = 0;
    /// Makes what is fed from now on such that a codec must fail. @return false: nothing is
    virtual bool spoil() { return false; }

    [[nodiscard]] const v4l2::Stream& output() const { return output_; }
    [[nodiscard]] const v4l2::Stream& capture() const { return capture_; }

  protected:
    /// @param name of the device, for errors
    QueuePair(UniqueFd video, std::string name)
        : name_{std::move(name)}, video_{std::move(video)} {}

    /// Between STREAMOFF and STREAMON: nothing is queued any more.
    virtual Result<void> forget_jobs() { return {}; }
    /// The oldest job's OUTPUT buffer came back.
    virtual Result<void> forget_oldest_job() { return {}; }
    /// Takes both buffers of the oldest job back.
    Result<void> take_back();

    std::string name_;
    // Streams go before the device that they belong to.
    UniqueFd video_;
    v4l2::Stream output_;
    v4l2::Stream capture_;
};

}  // namespace relfence::jobs
