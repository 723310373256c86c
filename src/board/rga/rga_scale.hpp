// SPDX-License-Identifier: MIT
#pragma once

#include "rga_command.hpp"
#include "rga_raster.hpp"

namespace relfence::board::rga {

/// Scales a picture to @p width x @p height, as the axes of @p blit say.
///
/// The RK3288 TRM names the filters: the mean when scaling down, a bicubic one when scaling up,
/// bilinear above 2048 pixels. It does not give their arithmetic, which is this model's choice:
/// - down: a destination pixel is the mean of the interval of the source that the factor gives it,
///   pixels at its ends weighted by how much of them it covers;
/// - up: destination pixel i is at i * factor of the source (so the first and last pixels of both
///   pictures are the same ones, as rga_get_scaling(src - 1, dst - 1) has it), four taps of the
///   selected cubic around it; the edges are repeated;
/// - one axis after the other, 14-bit weights, rounded to 8 bits in between.
/// Factors that do not fit the sizes read the last pixel again, never beyond.
[[nodiscard]] Raster scale(Raster picture, const Blit& blit, std::uint32_t width,
                           std::uint32_t height);

}  // namespace relfence::board::rga
