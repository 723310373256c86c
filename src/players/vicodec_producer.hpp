// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "players/clip.hpp"
#include "players/memory.hpp"
#include "viewing/producer.hpp"

namespace relfence::players {

/// Plays a clip through vicodec's stateful decoder. Frames are real: what a reader sees depends on
/// the stream, on the frames before, and on when it looks.
/// @param clip kept by reference
/// @param depth jobs that may be queued
[[nodiscard]] Result<std::unique_ptr<viewing::Producer>> open_vicodec(const Clip& clip,
                                                                      unsigned depth,
                                                                      const Memory& memory = {});

}  // namespace relfence::players
