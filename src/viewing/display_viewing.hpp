// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include <relfence/kms/device.hpp>

#include "viewing/producer.hpp"
#include "viewing/viewing.hpp"

namespace relfence::viewing {

/// What a display showed of a clip.
struct DisplayViewing {
    unsigned waited = 0;         ///< page flips that happened when the producer's job was over
    unsigned lost_captures = 0;  ///< frames that had to be shown again, see display_viewing.cpp
    Viewing viewing;             ///< of the pictures that the writeback connector captured
    std::vector<std::int64_t> commit_ns;  ///< of the nonblocking commit, which must not wait
    std::vector<std::int64_t> flip_ns;    ///< from hand-over to page flip
};

/// Hands each frame of a clip to a display at submit, as a compositor does that scans out a video
/// plane: imports the dma-buf, commits it without blocking and without an explicit fence, and
/// captures what the display shows from the first frame time on. One job at a time.
/// @param reference what record_reference() gave, in xrgb8888, of the display's size
[[nodiscard]] Result<DisplayViewing> watch_on_display(Producer& producer, kms::Device& display,
                                                      const std::vector<image::Frame>& reference);

}  // namespace relfence::viewing
