// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <relfence/base/error.hpp>
#include <relfence/v4l2/request.hpp>

namespace relfence::players {

/// Sets visl up for frames of the clip's size as NV12. @return bytes of a frame
[[nodiscard]] Result<std::size_t> set_visl_formats(int video);

/// Puts the parameters of one frame into a request. FWHT has the fewest, and visl decodes nothing.
[[nodiscard]] Result<void> set_visl_frame(int video, const v4l2::Request& request);

}  // namespace relfence::players
