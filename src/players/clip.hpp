// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/image/frame.hpp>

namespace relfence::players {

/// A real stream of the drawn scene, made on the spot: FWHT by vicodec's own encoder, I frames and
/// P frames that depend on the ones before, as in any clip; VP8 by libvpx, see make_vp8_clip().
struct Clip {
    image::Layout layout = image::Layout::nv12;
    unsigned width = 0;
    unsigned height = 0;
    unsigned first = 0;                              ///< frame of the scene with which it begins
    std::vector<std::vector<std::uint8_t>> coded{};  ///< one compressed frame each
};

/// The size of every clip: at least vicodec's smallest, and a multiple of its 16-pixel blocks, so
/// that nothing is cropped.
inline constexpr unsigned clip_width = 640;
inline constexpr unsigned clip_height = 368;

/// Draws and encodes the first @p frames frames of the scene; what was made is kept for the next
/// call. Not thread-safe.
/// @param layout nv12 or xrgb8888
[[nodiscard]] Result<Clip> make_clip(image::Layout layout, unsigned frames);

/// The lowest PSNR of a decoded frame against the scene that it shows. The codec gives 44 dB and
/// more; the frame before or after is below 25 dB.
inline constexpr double psnr_bound = 38;

/// Judges frame @p index of a decoded clip by the scene that was drawn. @return its PSNR in dB, or
/// an error when that is below psnr_bound
[[nodiscard]] Result<double> judge_by_scene(const Clip& clip, unsigned index,
                                            const image::FrameView& frame);

/// The V4L2 format of a layout that the drivers here write: nv12 or xrgb8888.
[[nodiscard]] std::uint32_t fourcc_of(image::Layout layout);

}  // namespace relfence::players
