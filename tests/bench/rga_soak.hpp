// SPDX-License-Identifier: MIT
#pragma once

#include <relfence/base/error.hpp>

#include "soak_count.hpp"

namespace relfence::bench {

/// Converts pictures of noise on rockchip-rga until @p end, never the same one twice in a row, and
/// looks at every result. Fails when it cannot begin, or cannot go on.
/// @param kind 0: copies NV12; 1: turns XBGR32 by 180 degrees; 2: NV12 to XBGR32, of another size
///        than the others; and so on from the first
[[nodiscard]] Result<SoakCount> soak_converter(unsigned kind, SoakEnd end);

}  // namespace relfence::bench
