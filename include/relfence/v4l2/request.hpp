// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <linux/videodev2.h>

#include <relfence/base/error.hpp>
#include <relfence/base/unique_fd.hpp>

namespace relfence::v4l2 {

/// A media request: controls and an OUTPUT buffer that a stateless driver takes as one job.
/// Move-only; not thread-safe. Source: Documentation/userspace-api/media/mediactl/request-api.rst.
class Request {
  public:
    /// @param media a media device, borrowed for the call
    [[nodiscard]] static Result<Request> allocate(int media);

    /// What to pass as v4l2_buffer.request_fd and v4l2_ext_controls.request_fd.
    [[nodiscard]] int fd() const { return fd_.get(); }
    /// Sets one compound control of the request. @param value @p size bytes, copied by the kernel
    [[nodiscard]] Result<void> set_control(int video, std::uint32_t id, void* value,
                                           std::uint32_t size) const;
    /// MEDIA_REQUEST_IOC_QUEUE: hands all of it to the driver.
    [[nodiscard]] Result<void> queue() const;
    /// Waits until the driver has completed it. That may be a while after its buffers came back.
    /// @return whether it has, before @p timeout was over
    [[nodiscard]] Result<bool> wait(std::chrono::milliseconds timeout) const;
    /// MEDIA_REQUEST_IOC_REINIT: makes a completed request, or one never queued, usable again.
    [[nodiscard]] Result<void> reinit() const;

  private:
    explicit Request(int fd) : fd_{fd} {}
    UniqueFd fd_;
};

}  // namespace relfence::v4l2
