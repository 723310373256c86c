// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <relfence/base/error.hpp>
#include <relfence/base/unique_fd.hpp>

namespace relfence::players {

/// The two device nodes of one piece of hardware.
struct HantroDevice {
    UniqueFd video;
    UniqueFd media;  ///< where requests are allocated
};

/// Opens hantro's decoder of a coded format; a board has several devices of that driver.
/// @param coded V4L2_PIX_FMT_VP8_FRAME, V4L2_PIX_FMT_H264_SLICE
[[nodiscard]] Result<HantroDevice> open_hantro_decoder(std::uint32_t coded);

}  // namespace relfence::players
