// SPDX-License-Identifier: MIT
#pragma once

#include <sched.h>
#include <sys/types.h>

#include <relfence/base/unique_fd.hpp>

namespace relfence::board {

/// Keeps the thread that looks at a guest's queue off the processor that the guest is on.
///
/// A guest waits for a register by spinning. Where two processes talk, the host's scheduler likes
/// to put the one that is woken on the processor of the other, even while another one is idle: the
/// guest then spins in the way of the board until its slice of some milliseconds is over. Source:
/// um_pci_send_cmd() of arch/um/drivers, select_task_rq_fair() of kernel/sched/fair.c.
///
/// For the thread that made it, whose processors nobody else changes.
class GuestProcessor {
  public:
    /// @param guest its process
    explicit GuestProcessor(pid_t guest);
    /// Lets the thread use again what it could before.
    ~GuestProcessor();
    GuestProcessor(const GuestProcessor&) = delete;
    GuestProcessor& operator=(const GuestProcessor&) = delete;

    /// Moves the calling thread away if the guest is where it is, and keeps it away from there
    /// until it finds the guest elsewhere. Costs a read of a file of /proc.
    /// @return whether they are on two processors now; not if there is but one, the guest is gone
    ///         or the host does not tell
    bool leave() const;

  private:
    [[nodiscard]] int processor_of_guest() const;

    UniqueFd stat_;  ///< of the guest's process
    pid_t thread_;
    cpu_set_t allowed_;  ///< at first
};

}  // namespace relfence::board
