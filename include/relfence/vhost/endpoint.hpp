// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include <relfence/base/error.hpp>
#include <relfence/base/unique_fd.hpp>
#include <relfence/vhost/device.hpp>

namespace relfence::vhost {

/// What went over an endpoint since it was made.
struct Counters {
    std::uint64_t guests = 0;
    std::uint64_t kicks = 0;
    std::uint64_t chains = 0;
    std::uint64_t completions = 0;
    std::uint64_t stale_completions = 0;  ///< of chains whose queue was gone
    std::uint64_t calls = 0;
    std::uint64_t merged_calls = 0;   ///< asked for while one was on its way
    std::uint64_t refused_calls = 0;  ///< the guest answered with an error: its queue was gone
};

class Session;

/// Serves one virtio device to one guest after the other over vhost-user, in an event loop that
/// somebody else owns.
///
/// The guest has one CPU: while it waits for the answer to a request it takes no interrupt, and so
/// does not answer a call either. Therefore nothing here ever waits. A call is sent and its answer
/// is taken when it comes; requests are answered whenever they come, of all endpoints in the order
/// in which the loop sees them. Who must know that the guest has taken its calls (virtual time)
/// runs serve_until_called(), which goes on answering meanwhile.
///
/// Of a kick, the chains are served and calls are sent before it is answered, so that the guest
/// finds the interrupt pending where it waits, not somewhere in its next request.
///
/// One thread. Protocol: docs/interop/vhost-user.rst of QEMU, as arch/um/drivers/virtio_uml.c
/// speaks it: REPLY_ACK, SLAVE_REQ and INBAND_NOTIFICATIONS are required, CONFIG is offered.
class Endpoint final : public Port {
  public:
    /// Listens on a Unix socket. One that nobody listens on any more is replaced.
    /// @param device outlives the endpoint
    /// @return an error when the path is too long, in use or cannot be made
    [[nodiscard]] static Result<std::unique_ptr<Endpoint>> listen(const std::string& path,
                                                                  Device& device);
    /// Serves one connection that is there already.
    [[nodiscard]] static Result<std::unique_ptr<Endpoint>> adopt(UniqueFd connection,
                                                                 Device& device);
    Endpoint(const Endpoint&) = delete;
    Endpoint& operator=(const Endpoint&) = delete;
    ~Endpoint() override;

    /// Readable when on_readable() has something to do. The same as long as the endpoint lives.
    [[nodiscard]] int fd() const;
    /// Takes what has come and returns; spurious calls do no harm.
    /// @return why a guest was sent away: it broke a rule. The endpoint is ready for the next
    ///         either way. A guest that goes by itself is no error
    [[nodiscard]] Result<void> on_readable();
    /// Called after each request that the guest waits for was done, before it is told so: for who
    /// has to wait until the guest has taken its calls, which it does in the meantime (virtual
    /// time). on_readable() may be called from there, and takes the guest's answers to calls then.
    /// @param hook an error of it sends the guest away; none to have none
    void before_reply(std::function<Result<void>()> hook);
    /// Called before each request of the guest is carried out: for who has to do first what the
    /// guest did first, on an endpoint that is looked at. @param hook none to have none
    void before_request(std::function<void()> hook);
    /// From now on the guest need not kick in a burst of commands, which costs it many times what
    /// the command does: after a kick its queue is looked at by look(), until @p quiet has passed
    /// without a command. Not together with before_reply(). @param quiet 0: never
    /// @param late asked in look() when this thread seems to have lost its processor, while a guest
    ///        that waits for it spins, maybe in its place: whether that will not go on. If it may,
    ///        or without one to ask, kicks are wanted for a second, after which a guest sleeps
    void look_at_queues(std::chrono::nanoseconds quiet, std::function<bool()> late = {});
    /// Takes what came without a kick. @return whether it wants to be called again at once, since a
    ///         queue is looked at; errors as on_readable()
    [[nodiscard]] Result<bool> look();
    [[nodiscard]] bool connected() const;
    /// The process that the guest connected from, as the host tells; 0 without a guest.
    [[nodiscard]] pid_t peer() const { return peer_; }
    /// A call was sent, or is due, that the guest did not answer yet.
    [[nodiscard]] bool calling() const;
    [[nodiscard]] const Counters& counters() const { return counters_; }

    void complete(Chain chain, std::size_t written, Notify notify) override;
    void call(std::size_t queue) override;
    [[nodiscard]] std::shared_ptr<const GuestMemory> memory() const override;

  private:
    explicit Endpoint(Device& device);
    Result<void> start(UniqueFd connection);
    Result<void> accept();
    void stop();
    Result<void> watch(int fd);
    Result<void> ready_to_reply();
    Result<void> go_on(const Result<bool>& there);

    Device& device_;
    pid_t peer_ = 0;
    Counters counters_;
    UniqueFd poll_;
    UniqueFd listener_;
    std::string path_;
    std::unique_ptr<Session> session_;
    std::function<Result<void>()> before_reply_;
    std::function<void()> before_request_;
    std::chrono::nanoseconds quiet_{0};
    std::function<bool()> late_;
    bool replying_ = false;
};

/// Serves all @p endpoints until none of them has a call that its guest did not answer.
/// @param limit gives up after that long without anything happening (ETIMEDOUT)
/// @return the first error of an endpoint, whose guest is gone then
[[nodiscard]] Result<void> serve_until_called(std::span<Endpoint* const> endpoints,
                                              std::chrono::milliseconds limit);

}  // namespace relfence::vhost
