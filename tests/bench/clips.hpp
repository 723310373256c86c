// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>

#include <relfence/base/error.hpp>

#include "vp8_streams.hpp"

namespace relfence::bench {

/// Writes a stream as an IVF file. @param times how often all of it comes
[[nodiscard]] Result<void> write_ivf(const std::filesystem::path& path,
                                     const testing::Vp8Stream& stream, unsigned width,
                                     unsigned height, unsigned times);

/// Frames per second of libvpx alone, on one thread and by the wall's clock, without looking at the
/// pictures. @param times as for write_ivf()
[[nodiscard]] Result<double> native_rate(const testing::Vp8Stream& stream, unsigned times);

}  // namespace relfence::bench
