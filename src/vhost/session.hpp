// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/base/unique_fd.hpp>
#include <relfence/vhost/device.hpp>
#include <relfence/vhost/endpoint.hpp>
#include <relfence/vhost/vring.hpp>

#include "vhost/channel.hpp"
#include "vhost/messages.hpp"

namespace relfence::vhost {

/// One guest on one connection, from its first message to its last.
class Session {
  public:
    /// Called with each further file descriptor that serve() has to be called for.
    using Watch = std::function<Result<void>(int fd)>;

    /// Called before each reply that only says that a request was done.
    using BeforeReply = std::function<Result<void>()>;

    /// Called before each request is carried out.
    using BeforeRequest = std::function<void()>;

    Session(UniqueFd connection, Device& device, Counters& counters, Watch watch,
            BeforeReply before_reply, BeforeRequest before_request);
    /// See Endpoint::look_at_queues().
    void look_at_queues(std::chrono::nanoseconds quiet, std::function<bool()> late) {
        quiet_ = quiet;
        late_ = std::move(late);
    }
    /// See Endpoint::look().
    Result<bool> look();

    /// Takes what has come. @return false when the guest has gone; an error when it broke a rule
    Result<bool> serve();
    /// The part of serve() that may be called while it waits in BeforeReply.
    Result<void> take_call_replies();
    void complete(const Chain& chain, std::size_t written, Notify notify);
    void call(std::size_t queue);
    [[nodiscard]] std::shared_ptr<const GuestMemory> memory() const { return memory_; }
    [[nodiscard]] bool calling() const;

  private:
    /// A completion that came while the guest had the queue disabled: it may have freed the ring.
    struct Held {
        std::uint16_t head;
        std::uint32_t written;
        Notify notify;
    };
    struct Queue {
        VringSetup setup;
        std::optional<Vring> ring;  ///< from the first enable until it is set up anew
        bool enabled = false;
        std::vector<Held> held;
        bool called = false;     ///< a call is on its way
        bool call_due = false;   ///< one more is wanted after that, or after an enable
        bool looked_at = false;  ///< the guest was asked not to kick
        std::chrono::steady_clock::time_point look_until;
    };

    Result<void> handle(Message& message);
    Result<void> set_features(const Message& message);
    Result<void> set_protocol_features(const Message& message);
    Result<void> set_slave_socket(Message& message);
    Result<void> set_memory(const Message& message);
    Result<void> set_vring(const Message& message);
    Result<void> set_vring_enable(const Message& message);
    Result<void> get_vring_base(const Message& message);
    Result<void> get_config(const Message& message);
    Result<void> kick(const Message& message);
    Result<Queue*> queue_of(const Message& message);
    void reset(Queue& queue);
    Result<void> drain(Queue& queue);
    static void stop_looking(Queue& queue);
    [[nodiscard]] std::uint64_t offered_features() const;

    Device& device_;
    Counters& counters_;
    Watch watch_;
    BeforeReply before_reply_;
    BeforeRequest before_request_;
    std::chrono::nanoseconds quiet_{0};
    std::function<bool()> late_;
    std::chrono::steady_clock::time_point last_look_, rest_until_;
    Channel main_;
    std::optional<Channel> slave_;
    std::shared_ptr<const GuestMemory> memory_;
    std::uint64_t features_ = 0;
    std::uint64_t protocol_features_ = 0;
    std::vector<Queue> queues_;
    std::deque<std::size_t> unanswered_calls_;
    std::optional<Error> failure_;  ///< of a call that could not be sent
};

}  // namespace relfence::vhost
