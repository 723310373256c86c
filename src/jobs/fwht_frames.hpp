// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <linux/v4l2-controls.h>
#include <memory>
#include <vector>

#include "jobs/stateless_decoder.hpp"

namespace relfence::jobs {

/// Frames of FWHT, the codec of vicodec, whose planes are there as they are: each an I frame of
/// another picture, 4:2:0. Source: drivers/media/test-drivers/vicodec/codec-fwht.h.
struct FwhtFrame {
    v4l2_ctrl_fwht_params params{};
    std::vector<std::uint8_t> planes;
};
/// @param broken the planes are said to be coded, and end at once: no decoder can make a picture
[[nodiscard]] FwhtFrame make_fwht_frame(unsigned width, unsigned height, unsigned index,
                                        bool broken = false);
/// The frame with its header, as a stateful decoder finds it in a stream.
[[nodiscard]] std::vector<std::uint8_t> with_header(const FwhtFrame& frame);

/// The frames for a stateless decoder.
[[nodiscard]] std::unique_ptr<FrameSource> fwht_frames(unsigned width, unsigned height);

}  // namespace relfence::jobs
