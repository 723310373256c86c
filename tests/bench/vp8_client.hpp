// SPDX-License-Identifier: MIT
// A stateless client for VP8 that does nothing but keep the driver busy.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include <relfence/base/unique_fd.hpp>
#include <relfence/v4l2/request.hpp>
#include <relfence/v4l2/stream.hpp>

#include "stateless/ivf.hpp"
#include "stateless/vp8_parser.hpp"
#include "stateless/vp8_references.hpp"

namespace relfence::bench {

/// Decodes streams of one size on hantro, frame by frame, with several jobs queued. Unlike the
/// player of the cases it takes any stream: a buffer is free when neither the references nor a job
/// that is queued need it. Not thread-safe.
class Vp8Client {
  public:
    /// @param largest bytes of the largest frame to come @param ahead jobs that may be queued
    [[nodiscard]] static Result<std::unique_ptr<Vp8Client>> open(unsigned width, unsigned height,
                                                                 std::size_t largest,
                                                                 unsigned ahead);

    /// A decoded picture, NV12, valid until the next submit().
    struct Picture {
        std::span<const std::uint8_t> nv12;
        bool shown = true;
        bool error = false;  ///< the driver could not do the job
    };
    /// Room for one more submit().
    [[nodiscard]] bool can_submit() const;
    [[nodiscard]] bool idle() const { return jobs_.empty(); }
    [[nodiscard]] Result<void> submit(std::span<const std::uint8_t> frame);
    /// Waits for the oldest job. Fails with ETIMEDOUT when it does not end.
    [[nodiscard]] Result<Picture> finish();

    [[nodiscard]] unsigned stride() const { return stride_; }
    [[nodiscard]] unsigned lines() const { return lines_; }

  private:
    struct Job {
        unsigned slot, buffer;
        bool shown;
        std::vector<std::uint64_t> needs;  ///< timestamps of its references
    };
    Vp8Client() = default;
    [[nodiscard]] Result<void> set_formats(unsigned width, unsigned height, std::size_t largest);
    [[nodiscard]] bool is_free(unsigned buffer) const;
    [[nodiscard]] unsigned free_buffer() const;  ///< as many as there are: none

    UniqueFd video_, media_;
    v4l2::Stream coded_, frames_;
    std::vector<v4l2::Request> requests_;
    std::vector<std::uint64_t> timestamps_;  ///< of what is in each CAPTURE buffer, 0: nothing
    std::deque<Job> jobs_;                   ///< oldest first
    stateless::Vp8Parser parser_;
    stateless::Vp8References references_;
    unsigned next_ = 0;  ///< frames so far
    unsigned stride_ = 0, lines_ = 0;
};

}  // namespace relfence::bench
