// SPDX-License-Identifier: MIT
#pragma once

#include "sync/seen.hpp"

namespace relfence::cases {

using sync::describe;
using sync::state;
using sync::whose;

}  // namespace relfence::cases
