// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <linux/v4l2-controls.h>

namespace relfence::stateless {

/// Picture order counts, H.264 8.2.1: what is kept from picture to picture. Not thread-safe.
class H264OrderCounts {
  public:
    /// Counts of the next picture in decoding order. Of a field only its own is set in @p poc.
    /// @param params numbers of the slice header, and its flags
    void count(const v4l2_ctrl_h264_sps& sps, const v4l2_ctrl_h264_decode_params& params,
               std::array<std::int32_t, 2>& poc);
    /// The picture had memory_management_control_operation 5. @param top its count after that
    void restart(std::int32_t top, bool bottom_field);

  private:
    std::int32_t previous_msb_ = 0, previous_lsb_ = 0;
    std::int32_t previous_offset_ = 0;
    std::uint32_t previous_number_ = 0;
};

}  // namespace relfence::stateless
