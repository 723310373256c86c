// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <vector>

#include <relfence/board/board.hpp>
#include <relfence/board/interrupt_controller.hpp>
#include <relfence/board/platform_bus.hpp>
#include <relfence/board/reset_controller.hpp>

#include "board/machine/timed_engine.hpp"

namespace relfence::board {

/// The devices of a board while it has power: made from the description when a guest comes, gone
/// when it goes.
class Powered {
  public:
    /// Puts all devices on the bus. @param environment, interrupts, bus outlive this
    /// @param taken see TimedEngine
    Powered(const Description& description, const BoardOptions& options, Environment environment,
            InterruptController& interrupts, PlatformBus& bus, const TimedEngine::Taken& taken);
    Powered(const Powered&) = delete;
    Powered& operator=(const Powered&) = delete;
    /// Nothing may compute for a device any more.
    ~Powered();

  private:
    PlatformBus& bus_;
    std::vector<std::unique_ptr<TimedEngine>> engines_;
    std::unique_ptr<ResetController> resets_;
};

/// Jobs of an engine as the options have them.
[[nodiscard]] JobPolicy policy_for(const BoardOptions& options, std::string_view engine);

}  // namespace relfence::board
