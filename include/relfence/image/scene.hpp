// SPDX-License-Identifier: MIT
#pragma once

#include <relfence/image/frame.hpp>

namespace relfence::image {

/// Draws frame @p index of a moving test scene: colour bars and a grey ramp that drift, a
/// ball and two markers that cross the picture, and the frame's number in large digits.
///
/// Made here and not fetched, so that a clip needs no network and no licence; drawn with integers
/// only, so that it is the same on every machine. Every frame differs from its neighbours in rows
/// near the top as well as near the bottom, so that a stale or torn picture never looks right.
/// @param width,height at least 64x64 @return xrgb8888
[[nodiscard]] Frame draw_scene(unsigned width, unsigned height, unsigned index);

}  // namespace relfence::image
