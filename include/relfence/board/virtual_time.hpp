// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/base/unique_fd.hpp>
#include <relfence/board/device_model.hpp>
#include <relfence/vhost/endpoint.hpp>

namespace relfence::board {

class GuestClock;

/// How virtual time is served.
struct VirtualTimeOptions {
    /// What the guest takes for the time of day when it boots: the same in each run.
    /// 2025-01-01 00:00 UTC.
    Nanoseconds time_of_day{std::chrono::seconds{1'735'689'600}};
    /// In real time: a guest that takes longer to answer is given up.
    std::chrono::milliseconds patience{10'000};
};

/// Time that passes only when nobody has anything left to do: the calendar that a guest booted
/// with kernel_option() asks for its turns, and the timeline of the board's devices.
///
/// Either the guest runs, or the board does, never both. While the guest waits, the calendar moves
/// time to the earliest thing that anybody wants: a device's event is called here, and the guest
/// takes the interrupts that it raised (endpoints given to watch()) before time goes on; or it is
/// the guest's turn, and it may run ahead by itself until the next device event. What the guest
/// asks of a device comes while the guest runs, and its request is answered only when it has taken
/// what was raised meanwhile (see settle()). So the order of all of it, and each time, follow from
/// what guest and devices do, not from the host: the same guest makes the same run.
///
/// Time begins at 0 with each guest, and nothing that was to happen for an earlier one is left: the
/// board is switched on and off with its guest.
///
/// One thread, in the loop that also serves the endpoints. Protocol:
/// include/uapi/linux/um_timetravel.h, as arch/um/kernel/time.c of 6.12 speaks it. Its shared
/// memory is not used: between two device events a guest sends nothing anyway.
class VirtualTime final : public Timeline {
  public:
    /// Listens on a Unix socket, for one guest after the other.
    /// @return an error when the path is too long, in use or cannot be made
    [[nodiscard]] static Result<std::unique_ptr<VirtualTime>> listen(
        const std::string& path, VirtualTimeOptions options = {});
    /// Serves one connection that is there already.
    [[nodiscard]] static Result<std::unique_ptr<VirtualTime>> adopt(
        UniqueFd connection, VirtualTimeOptions options = {});
    VirtualTime(const VirtualTime&) = delete;
    VirtualTime& operator=(const VirtualTime&) = delete;
    ~VirtualTime() override;

    /// For the guest's command line: "time-travel=ext:1:PATH".
    [[nodiscard]] std::string kernel_option() const;
    /// Time does not go on while this endpoint has a call that its guest did not answer.
    /// @param endpoint outlives this; settle() becomes its Endpoint::before_reply()
    void watch(vhost::Endpoint& endpoint);

    /// Readable when on_readable() has something to do. The same as long as this lives.
    [[nodiscard]] int fd() const { return poll_.get(); }
    /// Takes what has come; calls device events when the guest waits.
    /// @return why a guest was sent away: it broke a rule, or sleeps for ever with no device event
    ///         that could wake it. The next may come either way. One that goes by itself is no
    ///         error
    [[nodiscard]] Result<void> on_readable();
    /// Returns when the guest has taken all that it has to know before it may go on: interrupts,
    /// and how far it may run. Goes on answering it meanwhile.
    /// @return the first error of an endpoint or of the guest; ETIMEDOUT when it does not answer
    [[nodiscard]] Result<void> settle();
    /// A guest is there that asks for its time. One that has devices of the board without this was
    /// booted without kernel_option(), and no job of it will ever end.
    [[nodiscard]] bool connected() const { return guest_ != nullptr; }

    [[nodiscard]] Nanoseconds now() const override { return now_; }
    /// A time that is over already counts as now. Called for a guest's request: once that is
    /// answered the guest keeps to it (see settle()).
    Id at(Nanoseconds when, std::function<void()> what) override;
    void cancel(Id id) override;
    void compute(std::function<void()> work, std::function<void()> done) override;

  private:
    /// In the order of time; what is due at the same time, in the order in which it was asked for.
    using Events = std::map<std::pair<Nanoseconds, Id>, std::function<void()>>;

    explicit VirtualTime(VirtualTimeOptions options);
    Result<void> start(UniqueFd connection);
    Result<void> accept();
    Result<void> advance();
    Result<void> run_first_event();
    Result<void> drop(Result<void> why);
    Result<void> serve_until_settled();
    [[nodiscard]] bool settled() const;

    VirtualTimeOptions options_;
    UniqueFd poll_;
    UniqueFd listener_;
    std::string path_;
    std::unique_ptr<GuestClock> guest_;
    std::vector<vhost::Endpoint*> endpoints_;
    Events events_;
    Id last_id_ = 0;
    Nanoseconds now_{0};
    bool advancing_ = false;
};

}  // namespace relfence::board
