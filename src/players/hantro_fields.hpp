// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/v4l2/request.hpp>
#include <relfence/v4l2/stream.hpp>

#include "players/hantro_device.hpp"
#include "stateless/h264_headers.hpp"

namespace relfence::players {

/// hantro with the clip of field pictures: two jobs for each frame, and the first of them holds the
/// frame's CAPTURE buffer. Move-only.
///
/// The CAPTURE buffers are somebody else's, as in a player whose display allocates: this driver
/// takes contiguous memory only, so that they are those of another of its contexts.
class HantroFields {
  public:
    [[nodiscard]] static Result<HantroFields> open();

    /// Starts again, at the first picture.
    [[nodiscard]] Result<void> rewind();
    /// Queues the CAPTURE buffer of a frame.
    [[nodiscard]] Result<void> queue_frame(unsigned frame) const {
        return frames_.queue(frame, {});
    }
    /// Submits the next field. Its OUTPUT buffer is told to hold the CAPTURE buffer when it is the
    /// first one of its frame.
    [[nodiscard]] Result<void> submit_field();

    [[nodiscard]] const v4l2::Stream& coded() const { return coded_; }
    [[nodiscard]] const v4l2::Stream& frames() const { return frames_; }

  private:
    HantroFields() = default;
    HantroDevice device_;
    HantroDevice lender_;
    v4l2::Stream lent_;
    v4l2::Stream coded_;
    v4l2::Stream frames_;
    std::vector<stateless::H264CodedPicture> pictures_;
    std::vector<v4l2::Request> requests_;
    unsigned next_ = 0;
};

}  // namespace relfence::players
