// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <relfence/base/error.hpp>

namespace relfence {

/// What the kernel's recording costs those who cause events: a tight loop with the events of an
/// instance of tracefs on and off in turn, many times. Prints a line for each kind of event.
/// @param instance path of an instance of tracefs, made and set up by the caller; whether its
/// events are on when this ends is not defined
/// @param rounds pairs of on and off
[[nodiscard]] Result<void> measure_toll(const std::string& instance, unsigned rounds);

}  // namespace relfence
