// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <relfence/base/error.hpp>
#include <relfence/trace/event.hpp>

namespace relfence::trace {

/// The events of this kernel as they happen, from a tracefs instance of our own: other tracing on
/// the machine is neither disturbed nor seen. The instance is gone with the object; what an
/// earlier run left behind when it was killed is removed by open().
/// Not thread-safe.
class Live {
  public:
    /// @param buffer_kb of the ring buffer of each processor
    /// Fails when tracefs is not mounted, or when this user may not make an instance in it; the
    /// error says which right is missing.
    [[nodiscard]] static Result<Live> open(std::size_t buffer_kb);
    Live(Live&&) noexcept;
    Live& operator=(Live&&) noexcept;
    ~Live();

    /// Reads what is there now, without waiting. Events come in the order of time; the last 50 ms
    /// stay for the next time, or finish().
    /// @return whether that was all; else there is more than one call reads
    bool drain(const std::function<void(const Event&)>& feed);
    /// How long to wait between two calls of drain() at most: until then even a storm of events
    /// has room in the ring buffer.
    [[nodiscard]] std::chrono::milliseconds pause() const;
    /// Stops tracing and reads the rest.
    void finish(const std::function<void(const Event&)>& feed);
    /// How often a ring buffer was read so far, also in vain.
    [[nodiscard]] std::uint64_t reads() const;
    /// How many bytes that gave.
    [[nodiscard]] std::uint64_t bytes() const;
    /// Where a traced program writes what it does (apps/relfence-observe.cpp).
    [[nodiscard]] std::string marker_path() const;

  private:
    struct State;
    explicit Live(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// Who has which dma-buf open, from the links in /proc/PID/fd: one event Kind::holder each.
/// Other users' processes need CAP_SYS_PTRACE.
void find_holders(const std::function<void(const Event&)>& feed);

}  // namespace relfence::trace
