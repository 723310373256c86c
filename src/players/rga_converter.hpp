// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/v4l2/stream.hpp>

namespace relfence::players {

/// rockchip-rga behind a decoder: turns NV12 frames that lie in somebody else's dma-bufs into RGB,
/// as a player does for a display that takes no YUV. Move-only.
class RgaConverter {
  public:
    /// @param frames one dma-buf for each buffer of the decoder's pool; duplicated
    /// @param width of the frames in pixels @param height as @p width
    [[nodiscard]] static Result<RgaConverter> open(std::span<const int> frames, unsigned width,
                                                   unsigned height);
    /// Converts what is in a buffer of the pool now. V4L2 waits for no fence on its input: whoever
    /// calls this has waited.
    /// @return the XBGR8888 picture, valid until the next call
    [[nodiscard]] Result<std::span<const std::uint8_t>> convert(unsigned buffer);

  private:
    RgaConverter(UniqueFd fd, v4l2::Stream input, v4l2::Stream output)
        : fd_{std::move(fd)}, input_{std::move(input)}, output_{std::move(output)} {}
    UniqueFd fd_;
    v4l2::Stream input_;
    v4l2::Stream output_;
};

}  // namespace relfence::players
