// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "players/clip.hpp"
#include "viewing/producer.hpp"

namespace relfence::players {

/// Where the memory of the decoded frames comes from.
enum class Frames {
    exported,  ///< the driver's own, exported as dma-bufs
    imported,  ///< from udmabuf, imported by the driver
};

/// Plays a clip through vicodec's stateful decoder. Frames are real: what a reader sees depends on
/// the stream, on the frames before, and on when it looks.
/// @param clip kept by reference
/// @param depth jobs that may be queued
[[nodiscard]] Result<std::unique_ptr<viewing::Producer>> open_vicodec(
    const Clip& clip, unsigned depth, Frames frames = Frames::exported);

}  // namespace relfence::players
