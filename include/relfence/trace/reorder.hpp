// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include <relfence/trace/event.hpp>

namespace relfence::trace {

/// Puts events in the order of time. Each processor has a ring buffer of its own; what is read from
/// one can be older than what was read from another a moment before.
/// Not thread-safe.
class Reorder {
  public:
    /// @param window ns by which an event may come too late
    explicit Reorder(std::uint64_t window) : window_{window} {}
    /// Takes an event and gives those that nothing older can follow any more to @p feed.
    void add(Event event, const std::function<void(const Event&)>& feed);
    /// Gives what is left.
    void flush(const std::function<void(const Event&)>& feed);

  private:
    std::uint64_t window_;
    std::uint64_t newest_ = 0;
    std::multimap<std::uint64_t, Event> waiting_;  // of equal times, the first stays first
};

}  // namespace relfence::trace
