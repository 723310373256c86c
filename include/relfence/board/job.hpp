// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <utility>

#include <relfence/board/device_model.hpp>

namespace relfence::board {

/// What goes wrong with a job, as data: given per run or for the Nth job of a device. All of them
/// strike when half of what the job writes is in memory.
enum class Fault : std::uint8_t {
    none,
    hang,            ///< never finishes
    late,            ///< finishes long after the driver's watchdog, if nothing resets it
    error_status,    ///< ends half-way with the device's error status
    spurious,        ///< an interrupt without a status, before the real one
    late_interrupt,  ///< never finishes, and a reset does not stop its interrupt: it comes half a
                     ///< job's duration after the reset
    bus_error,       ///< as if an address that it was given were bad
};

/// How one job ended, for the device to turn into its status bits.
enum class JobEnd : std::uint8_t { done, error, bus_error };

/// How long jobs take, and what goes wrong with which.
struct JobPolicy {
    /// Zero: as long as the computation took.
    Nanoseconds duration{0};
    /// How long `late` adds.
    Nanoseconds late_by{std::chrono::seconds{5}};
    /// For the Nth job (from 1); those not listed have `fault`.
    std::vector<std::pair<std::uint64_t, Fault>> faults;
    Fault fault = Fault::none;
    [[nodiscard]] Fault for_job(std::uint64_t number) const;
};

/// Runs a device's jobs one after the other: computes what a job writes, lets the writes reach
/// memory piece by piece over the job's duration, plays the faults, and tells the device the end.
///
/// Board thread only. Used by every engine of the board (decoder, encoder, RGA), so that faults,
/// durations and resets are the same for all.
class JobRunner {
  public:
    /// Runs off the board's thread: reads memory through a Dma, returns what the job writes, or the
    /// error that the hardware would report (EFAULT: bus error, anything else: error status).
    using Compute = std::function<Result<MemoryWrites>()>;
    /// Told once in the board's thread, unless aborted. Sets status bits and the interrupt line.
    using Ended = std::function<void(JobEnd)>;

    /// @param device name for the log @param environment outlives it
    JobRunner(std::string device, Environment environment, JobPolicy policy);
    ~JobRunner();
    JobRunner(const JobRunner&) = delete;
    JobRunner& operator=(const JobRunner&) = delete;

    /// Starts a job. A start while one runs is a driver's bug: reported and ignored.
    /// @param spurious raises the interrupt line with no status bit set, for Fault::spurious
    void start(Compute compute, Ended ended, std::function<void()> spurious);
    /// A reset or a cleared enable bit: nothing more is written and nobody is told, except with
    /// Fault::late_interrupt.
    void abort();
    [[nodiscard]] bool running() const;
    [[nodiscard]] std::uint64_t started() const { return number_; }

  private:
    struct Running;
    void wait(const std::shared_ptr<Running>& job, Nanoseconds when,
              void (JobRunner::*next)(const std::shared_ptr<Running>&));
    void computed(const std::shared_ptr<Running>& job);
    void step(const std::shared_ptr<Running>& job);
    void failed(const std::shared_ptr<Running>& job);
    void hang(const Running& job);
    void refuse(const std::shared_ptr<Running>& job, const Error& error);
    void end(const std::shared_ptr<Running>& job, JobEnd how);
    void late_interrupt(const std::shared_ptr<Running>& job);
    static void write_all(Running& job, const Dma& dma);
    [[nodiscard]] static Result<void> write_up_to(Running& job, const Dma& dma, std::size_t share);

    std::string device_;
    Environment environment_;
    JobPolicy policy_;
    std::uint64_t number_ = 0;
    std::shared_ptr<Running> running_;
    std::shared_ptr<Running> late_;  ///< aborted, its interrupt still to come
};

}  // namespace relfence::board
