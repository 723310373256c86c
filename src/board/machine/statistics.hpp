// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <relfence/board/description.hpp>
#include <relfence/board/device_model.hpp>
#include <relfence/board/platform_bus.hpp>
#include <relfence/vhost/endpoint.hpp>

namespace relfence::board {

/// How long something took, many times over: a histogram of 16 steps per doubling, so that what it
/// tells is exact to 5 %. Of fixed size, for boards that run for days.
class Durations {
  public:
    void add(Nanoseconds duration);
    [[nodiscard]] std::uint64_t count() const { return count_; }
    [[nodiscard]] Nanoseconds least() const { return least_; }
    [[nodiscard]] Nanoseconds most() const { return most_; }
    [[nodiscard]] Nanoseconds mean() const;
    /// What @p share (0 to 1) of all are not above; the upper end of its step, but no more than
    /// most().
    [[nodiscard]] Nanoseconds quantile(double share) const;

  private:
    static constexpr unsigned steps = 16;  // per doubling
    std::array<std::uint64_t, 64 * steps> histogram_{};
    std::uint64_t count_ = 0;
    Nanoseconds sum_{}, least_{}, most_{};
};

/// What one engine did.
struct EngineStatistics {
    std::string name;
    /// Started and done; ended with an error status; reset or disabled by the driver in mid-job.
    std::uint64_t started = 0, done = 0, failed = 0, aborted = 0;
    Nanoseconds first_start{}, first_end{}, last_end{};
    /// From a job's start to its end.
    Durations jobs;
    /// From the interrupt line's rise to the driver's first read of a register.
    Durations interrupts;
    Nanoseconds start{};  ///< of the job that runs
};

/// What happened on a board since it was made. Board thread only.
class Statistics {
  public:
    explicit Statistics(const Description& description);
    /// What happened to a job of an engine, when.
    void job(std::string_view engine, JobEvent event, Nanoseconds now);
    /// The driver came for an interrupt of an engine.
    void interrupt(std::string_view engine, Nanoseconds waited);

    /// Everything as JSON, times in microseconds. @param endpoint of the bus
    [[nodiscard]] std::string json(const PlatformBus::Counters& bus,
                                   const vhost::Counters& endpoint, std::uint64_t driver_bugs,
                                   Nanoseconds now) const;

  private:
    [[nodiscard]] EngineStatistics* find(std::string_view engine);
    std::vector<EngineStatistics> engines_;
};

}  // namespace relfence::board
