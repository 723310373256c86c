// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <relfence/base/error.hpp>

namespace relfence::cases {

/// What the workers of a stress count. They are processes, so this lies in shared memory.
struct StressCounters {
    enum Kind : unsigned {
        jobs,      ///< frames submitted
        finished,  ///< frames taken back
        rewinds,   ///< STREAMOFF or close with jobs queued
        claims,    ///< fences exported or polled for by the thread beside the player
        reads,     ///< mapped frames read, with and without DMA_BUF_IOCTL_SYNC
        flips,     ///< frames shown
        controls,  ///< control operations
        kills,     ///< players killed in mid-job
        failures,  ///< operations that failed though they must not
        kinds,
    };
    std::array<std::atomic<std::uint64_t>, kinds> counts{};
    static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "is shared between processes");

    void add(Kind kind) { counts[kind].fetch_add(1, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t get(Kind kind) const { return counts[kind].load(); }
    [[nodiscard]] static std::string_view name(unsigned kind);
};

/// Whether the kernel's lock checker still watches: it switches itself off at its first report.
enum class Lockdep { watching, off, absent };
[[nodiscard]] Lockdep lockdep_state();

/// What a stress did.
struct StressReport {
    std::map<std::string, std::uint64_t> counts;  ///< by StressCounters::name()
    std::string first_failure;                    ///< empty when there was none
};

/// Everything at once for @p duration, each in a process of its own with a thread beside it: clips
/// through vicodec (its own buffers and imported ones) and visl (media requests), fences exported
/// and polled for while jobs run, frames read, STREAMOFF and close in mid-job, players killed,
/// controls set, frames shown on vkms.
///
/// What it is for: lockdep learns an order of locks only where it is used, so every path that takes
/// a lock beside a fence must run at least once. Control requests matter most: they are where the
/// control handler's lock is held over an allocation, which is what makes a fence that is published
/// before the codec's run() a deadlock.
[[nodiscard]] Result<StressReport> run_stress(std::chrono::milliseconds duration);

}  // namespace relfence::cases
