// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <relfence/base/error.hpp>
#include <relfence/base/unique_fd.hpp>
#include <relfence/v4l2/stream.hpp>

#include "jobs/job_source.hpp"

namespace relfence::jobs {

/// What a device cannot be tried with, though nothing is wrong: EOPNOTSUPP and the reason.
[[nodiscard]] Error cannot_use(const std::string& device, std::string why);
[[nodiscard]] bool is_cannot_use(const Error& error);

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

    /// The first half of submit(): queues a CAPTURE buffer, which starts no job.
    /// @return the buffer that the job of this frame will write
    virtual Result<Handover> offer(unsigned index, Before before);
    /// The second half: queues what goes in.
    /// @param hold_capture another job follows that writes the same CAPTURE buffer
    virtual Result<void> feed(unsigned index, bool hold_capture) = 0;
    /// Makes what is fed from now on such that a codec must fail. @return false: nothing is
    virtual bool spoil() { return false; }

    /// Whether a frame that cannot be decoded may be left out, so that there is no end to wait for.
    [[nodiscard]] virtual bool may_drop_frames() const { return false; }

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
    /// The second half of it.
    Result<void> take_input_back();
    /// What finish() says of a frame with V4L2_BUF_FLAG_ERROR.
    [[nodiscard]] Error failed_job() const;
    /// Makes a CAPTURE buffer what it shall be before frame @p index.
    void prepare(unsigned slot, unsigned index, Before before) const;

    std::string name_;
    // Streams go before the device that they belong to.
    UniqueFd video_;
    v4l2::Stream output_;
    v4l2::Stream capture_;
};

}  // namespace relfence::jobs
