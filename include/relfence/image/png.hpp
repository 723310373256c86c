// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <relfence/image/frame.hpp>

namespace relfence::image {

/// Writes a picture as an 8-bit RGB PNG, replacing @p path only when the whole file was written.
[[nodiscard]] Result<void> write_png(const std::string& path, const FrameView& frame);

/// Reads a PNG of any kind into rgb24.
[[nodiscard]] Result<Frame> read_png(const std::string& path);

/// Two pictures of one size next to each other, @p left first, with a grey line between: rgb24.
[[nodiscard]] Result<Frame> side_by_side(const FrameView& left, const FrameView& right);

}  // namespace relfence::image
