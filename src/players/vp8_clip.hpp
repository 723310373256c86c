// SPDX-License-Identifier: MIT
#pragma once

#include "players/clip.hpp"

namespace relfence::players {

/// A VP8 stream of the drawn scene, made on the spot by libvpx: a key frame, then frames that are
/// predicted from the one before and from no other, so that a pool of two buffers can play it. What
/// was made is kept for the next call. Not thread-safe.
[[nodiscard]] Result<Clip> make_vp8_clip(unsigned frames);

}  // namespace relfence::players
