// SPDX-License-Identifier: MIT
#pragma once

#include "players/clip.hpp"

namespace relfence::players {

/// A VP8 stream of the drawn scene, made on the spot by libvpx: a key frame, then frames that are
/// predicted from the one before and from no other, so that a pool of two buffers can play it. What
/// was made is kept for the next call. Not thread-safe.
/// @param first frame of the scene with which it begins: another one makes another stream
[[nodiscard]] Result<Clip> make_vp8_clip(unsigned frames, unsigned first = 0);

}  // namespace relfence::players
