// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "players/memory.hpp"
#include "viewing/producer.hpp"

namespace relfence::players {

/// Makes visl, the stateless decoder that decodes nothing, draw its test picture: colour bars with
/// the number and the timestamp of the frame, one media request each.
/// @param depth jobs that may be queued
[[nodiscard]] Result<std::unique_ptr<viewing::Producer>> open_visl(unsigned depth,
                                                                   const Memory& memory = {});

}  // namespace relfence::players
