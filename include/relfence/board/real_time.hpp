// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include <relfence/base/unique_fd.hpp>
#include <relfence/board/device_model.hpp>

namespace relfence::board {

/// The board's time as the host's clock has it, from 0 at its creation, for a loop that polls fd().
///
/// One thread of its own computes, one computation after the other. All the rest in the board's
/// thread.
class RealTime final : public Timeline {
  public:
    /// @return an error when the kernel has no timer or event descriptor left
    [[nodiscard]] static Result<std::unique_ptr<RealTime>> create();
    RealTime(const RealTime&) = delete;
    RealTime& operator=(const RealTime&) = delete;
    /// Waits for the computation that runs; what was computed is told to nobody.
    ~RealTime() override;

    /// Readable when on_readable() has something to do.
    [[nodiscard]] int fd() const { return poll_.get(); }
    /// Calls what is due and what was computed; at once when there is nothing.
    void on_readable();
    /// Returns when nothing is being computed any more: what computations use may go then. Those
    /// that did not begin are dropped, and none of the completions still to come will be called.
    void drain();

    [[nodiscard]] Nanoseconds now() const override;
    Id at(Nanoseconds when, std::function<void()> what) override;
    void cancel(Id id) override;
    void compute(std::function<void()> work, std::function<void()> done) override;

  private:
    using Key = std::pair<Nanoseconds, Id>;
    struct Computation {
        std::function<void()> work, done;
    };
    RealTime() = default;
    void arm();
    void work();

    UniqueFd poll_, timer_, computed_event_;
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
    std::map<Key, std::function<void()>> events_;
    Id last_ = 0;

    std::mutex lock_;
    std::condition_variable changed_;
    std::deque<Computation> waiting_;
    std::deque<std::function<void()>> computed_;
    bool working_ = false;
    bool stop_ = false;
    std::thread worker_;
};

}  // namespace relfence::board
