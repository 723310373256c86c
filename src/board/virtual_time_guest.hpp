// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>

#include <relfence/base/error.hpp>
#include <relfence/base/unique_fd.hpp>
#include <relfence/board/device_model.hpp>

namespace relfence::board {

/// Operations of the time-travel protocol, with the kernel's numbers: enum um_timetravel_ops.
/// Headers of a host may be older than the guest, so they are here.
enum class TimeOp : std::uint32_t {
    ack = 0,
    start = 1,
    request = 2,
    wait = 3,
    get = 4,
    update = 5,
    run = 6,
    free_until = 7,
    get_time_of_day = 8,
    broadcast = 9,
};

/// struct um_timetravel_msg.
struct TimeMessage {
    TimeOp op{};
    std::uint32_t sequence = 0;
    std::uint64_t time = 0;
};
static_assert(sizeof(TimeMessage) == 16);

/// "Never", which the guest asks for when it has no timer: S64_MAX of time_travel_sleep(). It must
/// not be granted (the guest panics), and no time lies beyond it.
constexpr Nanoseconds forever = Nanoseconds::max();

/// The calendar's connection to one guest: answers it, and knows whether it runs or waits, for
/// which time, and how far it may run. Strict: the guest's clock is the board's, so one that breaks
/// a rule is an error, not something to be put right. Does not block. One thread.
class GuestClock {
  public:
    /// @param connection a stream socket
    GuestClock(UniqueFd connection, Nanoseconds time_of_day);

    /// Answers what has come. @param now the board's time, which a running guest moves forward
    /// @return false when the guest has gone; an error when it broke a rule
    [[nodiscard]] Result<bool> serve(Nanoseconds& now);
    /// It said so, and was not told to run since.
    [[nodiscard]] bool waiting() const { return waiting_; }
    /// When it wants to run; there is a time whenever it waits.
    [[nodiscard]] std::optional<Nanoseconds> requested() const { return requested_; }
    /// Lets it run at @p now, and by itself up to @p free_until. Only while it waits.
    [[nodiscard]] Result<void> run(Nanoseconds now, Nanoseconds free_until);
    /// A running guest may run by itself only up to @p free_until, if that is less than before. It
    /// keeps to that once knows_its_limit(). One that cannot be told is sent away.
    void limit(Nanoseconds free_until);
    [[nodiscard]] bool knows_its_limit() const { return unanswered_.empty() || waiting_; }
    [[nodiscard]] int fd() const { return socket_.get(); }

  private:
    [[nodiscard]] Result<std::optional<TimeMessage>> receive();
    [[nodiscard]] Result<void> send(const TimeMessage& message, std::span<const int> fds = {});
    [[nodiscard]] Result<void> tell(TimeOp op, Nanoseconds time);
    [[nodiscard]] Result<void> handle(const TimeMessage& message, Nanoseconds& now);
    [[nodiscard]] Result<void> start(const TimeMessage& message);
    [[nodiscard]] Result<void> take_ack(const TimeMessage& message);
    [[nodiscard]] Result<void> check(const TimeMessage& message, Nanoseconds now) const;

    UniqueFd socket_;
    Nanoseconds time_of_day_;
    std::array<std::byte, sizeof(TimeMessage)> received_{};
    std::size_t received_size_ = 0;
    bool started_ = false;
    bool waiting_ = false;
    std::optional<Nanoseconds> requested_;
    Nanoseconds free_until_{0};
    std::uint32_t last_sequence_ = 0;
    std::deque<std::uint32_t> unanswered_;  ///< sequence numbers of what we told it
};

}  // namespace relfence::board
