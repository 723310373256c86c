// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>

#include <relfence/image/frame.hpp>

namespace relfence::image {

/// Where two pictures differ.
struct Difference {
    std::size_t pixels = 0;             ///< pixels of which any sample differs
    std::optional<unsigned> first_row;  ///< the topmost row with such a pixel

    [[nodiscard]] bool none() const { return pixels == 0; }
};

/// Compares two pictures exactly. A pixel of a 4:2:0 layout differs when its luma or the chroma
/// that it shares with its neighbours differs; the unused byte of xrgb8888 is not looked at.
/// Fails when layout or size are not the same, or bytes are missing.
[[nodiscard]] Result<Difference> compare(const FrameView& a, const FrameView& b);

/// Peak signal-to-noise ratio over all samples, in dB; infinity for identical pictures.
/// Fails as compare() does.
[[nodiscard]] Result<double> psnr(const FrameView& a, const FrameView& b);

}  // namespace relfence::image
