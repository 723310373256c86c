// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <relfence/regs/register_bank.hpp>

namespace relfence::board::vpu {

/// Looks for addresses of a decode job that lie in memory, but cannot be right.
///
/// The board sees memory and registers; which of it a driver allocated for what it does not see. So
/// this knows only what the registers say of each other and of earlier jobs: what a job writes must
/// not be what it reads, and a reference must be a frame that some job was told to write. A wrong
/// address that fits into this goes unnoticed. Board thread only; one for each engine, as long as
/// its guest.
class MemoryCheck {
  public:
    /// To be called with the registers of each job that is started.
    /// @return what is wrong, in the driver's terms and without addresses; empty for a mode that is
    ///         not modelled
    [[nodiscard]] std::vector<std::string> look(const regs::RegisterBank& registers);

  private:
    std::set<std::uint64_t> frames_;  ///< that jobs were told to write
};

}  // namespace relfence::board::vpu
