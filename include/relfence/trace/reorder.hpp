// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include <relfence/trace/event.hpp>

namespace relfence::trace {

/// Puts events in the order of time. Each processor has a ring buffer of its own; what is read from
/// one can be older than what was read from another a moment before.
/// Not thread-safe.
class Reorder {
  public:
    void add(Event event) { waiting_.push_back(std::move(event)); }
    /// Gives what is older than @p until to @p feed: all of that time has been added. Of equal
    /// times, the first stays first.
    void release(std::uint64_t until, const std::function<void(const Event&)>& feed);
    /// Gives what is left.
    void flush(const std::function<void(const Event&)>& feed);

  private:
    std::vector<Event> waiting_;
};

}  // namespace relfence::trace
