// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <linux/v4l2-controls.h>

#include <relfence/base/error.hpp>
#include <relfence/v4l2/request.hpp>

namespace relfence::players {

/// Sets visl up for frames of the clip's size as NV12. @return bytes of a frame
[[nodiscard]] Result<std::size_t> set_visl_formats(int video);

/// The parameters of one frame of FWHT: the fewest of all codecs, and visl decodes nothing.
[[nodiscard]] v4l2_ctrl_fwht_params visl_params();

/// Puts the parameters of one frame into a request.
[[nodiscard]] Result<void> set_visl_frame(int video, const v4l2::Request& request);

}  // namespace relfence::players
