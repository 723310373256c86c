// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>

#include <relfence/base/error.hpp>

namespace relfence {

/// Where the time of a machine with one processor goes, from one moment to another.
class ProcessorTime {
  public:
    /// From now on. Fails where the kernel does not tell for how long it was idle: that is
    /// /proc/timer_list, which root may read, of a kernel with CONFIG_NO_HZ_IDLE. /proc/stat has
    /// the same in units of 10 ms.
    [[nodiscard]] static Result<ProcessorTime> begin();

    /// In parts of the time that has passed.
    struct Shares {
        double busy = 0;    ///< the processor was not idle
        double own = 0;     ///< it ran this process (CLOCK_PROCESS_CPUTIME_ID)
        double parent = 0;  ///< it ran whoever started this process
    };
    [[nodiscard]] Result<Shares> so_far() const;

  private:
    std::chrono::nanoseconds passed_{};
    std::chrono::nanoseconds idle_{};
    std::chrono::nanoseconds own_{};
    std::chrono::nanoseconds parent_{};
};

}  // namespace relfence
