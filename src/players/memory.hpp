// SPDX-License-Identifier: MIT
#pragma once

#include "jobs/memory.hpp"

namespace relfence::players {

using jobs::leave_fence;
using jobs::make_capture;
using jobs::Memory;

}  // namespace relfence::players
