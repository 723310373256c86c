// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "players/clip.hpp"
#include "players/memory.hpp"
#include "viewing/producer.hpp"

namespace relfence::players {

/// Makes hantro, a stateless decoder, decode a clip to NV12, one media request a frame.
///
/// The device is found by its driver and by what it decodes: a board has several of that driver.
/// @param clip of make_vp8_clip(), kept by reference @param depth CAPTURE buffers and jobs that may
///        be queued, at least 2 since the frame before is needed for each
[[nodiscard]] Result<std::unique_ptr<viewing::Producer>> open_hantro_vp8(const Clip& clip,
                                                                         unsigned depth,
                                                                         const Memory& memory = {});

}  // namespace relfence::players
