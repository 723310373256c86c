// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "stateless/vp8_parser.hpp"

namespace relfence::stateless {

/// Which decoded frames are the last, the golden and the alternative one.
///
/// Frames are known by the timestamps of their buffers in nanoseconds, as V4L2 has it: the driver
/// copies the one of the OUTPUT buffer to the CAPTURE buffer. A buffer that holds() must neither be
/// queued again nor be freed.
class Vp8References {
  public:
    /// Completes the control of the frame that comes next.
    void tell(v4l2_ctrl_vp8_frame& control) const;
    /// The frame was decoded, or is going to be, into the buffer with @p timestamp.
    void update(const Vp8Picture& picture, std::uint64_t timestamp);
    [[nodiscard]] bool holds(std::uint64_t timestamp) const {
        return timestamp == last_ || timestamp == golden_ || timestamp == alternative_;
    }

  private:
    std::uint64_t last_ = 0;
    std::uint64_t golden_ = 0;
    std::uint64_t alternative_ = 0;
};

}  // namespace relfence::stateless
