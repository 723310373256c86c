// SPDX-License-Identifier: MIT
#pragma once

#include <relfence/base/error.hpp>

#include "soak_count.hpp"

namespace relfence::bench {

/// Decodes a stream over and over until @p end and compares every frame, byte for byte, with what
/// libvpx made of it. Fails when it cannot begin, or cannot go on.
[[nodiscard]] Result<SoakCount> soak_decoder(const std::string& path, SoakEnd end);

}  // namespace relfence::bench
