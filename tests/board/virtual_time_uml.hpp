// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include <relfence/base/unique_fd.hpp>

#include "board/virtual_time_guest.hpp"

namespace relfence::board {

/// The guest's side as arch/um/kernel/time.c plays it, and stricter: where the kernel panics, the
/// test fails.
class FakeUml {
  public:
    /// @param pump called while an answer is waited for: runs a calendar of the same thread
    /// @param interrupts called while it waits for its turn, where it takes interrupts; returns
    /// when
    ///        there is something on fd(). Not called while it waits for an answer, since
    ///        time_travel_ext_req() blocks signals hard
    FakeUml(UniqueFd socket, std::function<void()> pump, std::function<void()> interrupts = {});

    /// time_travel_connect_external(). @return the file descriptors that came with the ACK
    std::vector<UniqueFd> start();
    /// time_travel_ext_req(): @return the time in the ACK
    std::uint64_t ask(TimeOp op, std::uint64_t time = ~std::uint64_t{0});
    void request(Nanoseconds when) {
        ask(TimeOp::request, static_cast<std::uint64_t>(when.count()));
    }
    void update(Nanoseconds to);
    /// time_travel_ext_get_time().
    Nanoseconds get();
    /// time_travel_ext_wait(): returns when it may run.
    void wait();
    /// __time_travel_update_time(): goes to a time, by itself if it may.
    void go_to(Nanoseconds when);

    /// Only writes, for what no guest would say.
    void write(TimeOp op, std::uint64_t time = 0, std::uint32_t sequence = 1000);
    /// Takes one message that the calendar sent without being asked, and acknowledges it.
    void take_told();
    [[nodiscard]] bool closed() const;
    void close() { socket_.reset(); }
    [[nodiscard]] int fd() const { return socket_.get(); }

    Nanoseconds now{0};
    std::optional<Nanoseconds> free_until;
    int asked = 0;  ///< messages that it had to send

  private:
    TimeMessage receive(std::vector<UniqueFd>* fds = nullptr);
    void take(const TimeMessage& message);
    void set_time(Nanoseconds to);

    UniqueFd socket_;
    std::function<void()> pump_;
    std::function<void()> interrupts_;
    std::uint32_t sequence_ = 0;
    bool waiting_ = false;
    std::optional<TimeMessage> run_;
};

}  // namespace relfence::board
