// SPDX-License-Identifier: MIT
#include "vhost/session.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace relfence::vhost {
namespace {

/// Without these no interrupt reaches the guest in time, see Endpoint.
constexpr std::uint64_t required_protocol = protocol_feature::reply_ack |
                                            protocol_feature::slave_req |
                                            protocol_feature::inband_notifications;
constexpr std::uint64_t offered_protocol = required_protocol | protocol_feature::config;

/// Messages taken in one go, so that one guest does not keep the loop from the others.
constexpr int messages_at_once = 16;

/// Between two looks at a queue; more, and this thread had to give its processor to another one. A
/// guest that waits for us may spin in its place: it had better sleep, as it does with kicks.
constexpr std::chrono::microseconds longest_gap{500};
/// For how long kicks are wanted after that.
constexpr std::chrono::seconds rest{1};

bool peer_is_gone(const Error& error) {
    return error.code == ECONNRESET || error.code == EPIPE;
}

tl::unexpected<Error> refuse(const std::string& what, const Message& message,
                             std::string_view hint = {}) {
    return fail(what, name_of(message.header.request), hint);
}

/// The same for a cause that was found further down.
tl::unexpected<Error> refuse(const Error& cause, const Message& message) {
    return refuse("is refused", message, cause.message());
}

bool is_answered_by_itself(Request request) {
    return request == Request::get_features || request == Request::get_protocol_features ||
           request == Request::get_config || request == Request::get_vring_base;
}

}  // namespace

Session::Session(UniqueFd connection, Device& device, Counters& counters, Watch watch,
                 BeforeReply before_reply, BeforeRequest before_request)
    : device_{device},
      counters_{counters},
      watch_{std::move(watch)},
      before_reply_{std::move(before_reply)},
      before_request_{std::move(before_request)},
      main_{std::move(connection), check_request},
      queues_(device.queues()) {
    for (std::size_t i = 0; i < queues_.size(); ++i) queues_[i].setup.queue = i;
}

Result<bool> Session::serve() {
    for (int i = 0; i < messages_at_once; ++i) {
        auto message = main_.receive();
        if (!message && peer_is_gone(message.error())) {
            if (failure_) return tl::make_unexpected(*failure_);
            return false;
        }
        if (!message) return tl::make_unexpected(message.error());
        if (!*message) break;
        auto handled = check_fds((*message)->header, (*message)->fds.size());
        if (handled) handled = handle(**message);
        if (!handled && peer_is_gone(handled.error())) return false;
        if (!handled) return tl::make_unexpected(handled.error());
    }
    if (auto taken = take_call_replies(); !taken) return tl::make_unexpected(taken.error());
    return true;
}

Result<void> Session::handle(Message& message) {
    before_request_();
    const Request request{message.header.request};
    Result<void> done;
    switch (request) {
        case Request::get_features:
            done = main_.send(make_reply(message.header.request, offered_features()));
            break;
        case Request::set_features:
            done = set_features(message);
            break;
        case Request::set_owner:
            break;
        case Request::set_mem_table:
            done = set_memory(message);
            break;
        case Request::set_vring_num:
        case Request::set_vring_addr:
        case Request::set_vring_base:
            done = set_vring(message);
            break;
        case Request::get_vring_base:
            done = get_vring_base(message);
            break;
        case Request::get_protocol_features:
            done = main_.send(make_reply(message.header.request, offered_protocol));
            break;
        case Request::set_protocol_features:
            done = set_protocol_features(message);
            break;
        case Request::set_vring_enable:
            done = set_vring_enable(message);
            break;
        case Request::set_slave_req_fd:
            done = set_slave_socket(message);
            break;
        case Request::get_config:
            done = get_config(message);
            break;
        case Request::vring_kick:
            done = kick(message);
            break;
    }
    if (!done || is_answered_by_itself(request)) return done;
    const bool wants_answer = (message.header.flags & flag::need_reply) != 0 &&
                              (protocol_features_ & protocol_feature::reply_ack) != 0;
    if (!wants_answer) return {};
    if (auto ready = before_reply_(); !ready) return ready;
    return main_.send(make_reply(message.header.request, 0));
}

std::uint64_t Session::offered_features() const {
    return device_.features() | feature_version_1 | feature_protocol_features;
}

Result<void> Session::set_features(const Message& message) {
    const std::uint64_t wanted = integer_of(message);
    if (const std::uint64_t strange = wanted & ~offered_features(); strange != 0)
        return refuse(fmt::format("has features {:#x} that were not offered", strange), message);
    if ((wanted & feature_version_1) == 0) return refuse("is without VIRTIO_F_VERSION_1", message);
    features_ = wanted;
    return {};
}

Result<void> Session::set_protocol_features(const Message& message) {
    const std::uint64_t wanted = integer_of(message);
    if (const std::uint64_t strange = wanted & ~offered_protocol; strange != 0)
        return refuse(fmt::format("has features {:#x} that were not offered", strange), message);
    if ((wanted & required_protocol) != required_protocol)
        return refuse(fmt::format("has features {:#x}", wanted), message,
                      "REPLY_ACK, SLAVE_REQ and INBAND_NOTIFICATIONS are required");
    protocol_features_ = wanted;
    return {};
}

Result<void> Session::set_slave_socket(Message& message) {
    if ((protocol_features_ & protocol_feature::slave_req) == 0)
        return refuse("comes before its protocol feature", message);
    if (slave_) return refuse("comes twice", message);
    if (!is_stream_socket(message.fds[0].get()))
        return refuse("has no Unix stream socket", message);
    slave_.emplace(std::move(message.fds[0]), check_call_reply);
    return watch_(slave_->fd());
}

Result<void> Session::set_memory(const Message& message) {
    if (std::any_of(queues_.begin(), queues_.end(), [](const Queue& q) { return q.enabled; }))
        return refuse("comes while a queue is enabled", message);
    const auto regions = regions_of(message);
    if (!regions) return tl::make_unexpected(regions.error());
    auto memory = std::make_shared<GuestMemory>();
    for (std::size_t i = 0; i < regions->size(); ++i) {
        const MemoryRegion& region = (*regions)[i];
        auto added = memory->add(message.fds[i].get(), region.offset, region.size,
                                 region.guest_address, region.user_address);
        if (!added) return refuse(added.error(), message);
    }
    for (Queue& queue : queues_) reset(queue);
    memory_ = std::move(memory);
    return {};
}

Result<Session::Queue*> Session::queue_of(const Message& message) {
    const std::uint32_t index = vring_state_of(message).index;
    if (index >= queues_.size())
        return refuse(fmt::format("is about queue {} of {}", index, queues_.size()), message);
    return &queues_[index];
}

Result<void> Session::set_vring(const Message& message) {
    const auto queue = queue_of(message);
    if (!queue) return tl::make_unexpected(queue.error());
    Queue& q = **queue;
    if (q.enabled) return refuse("comes while the queue is enabled", message);
    const VringState state = vring_state_of(message);
    const Request request{message.header.request};
    if (request == Request::set_vring_base && state.value > 0xffff)
        return refuse(fmt::format("has base {:#x}", state.value), message);
    reset(q);
    if (request == Request::set_vring_num) {
        q.setup.size = state.value;
    } else if (request == Request::set_vring_base) {
        q.setup.base = static_cast<std::uint16_t>(state.value);
    } else {
        const VringAddresses addresses = vring_addresses_of(message);
        if (addresses.flags != 0)
            return refuse(fmt::format("has flags {:#x}: writes are not logged", addresses.flags),
                          message);
        q.setup.descriptors = addresses.descriptors;
        q.setup.available = addresses.available;
        q.setup.used = addresses.used;
    }
    return {};
}

void Session::reset(Queue& queue) {
    if (!queue.ring) return;
    stop_looking(queue);
    queue.ring.reset();
    queue.held.clear();
    queue.call_due = false;
    device_.queue_reset(queue.setup.queue);
}

Result<void> Session::set_vring_enable(const Message& message) {
    const auto queue = queue_of(message);
    if (!queue) return tl::make_unexpected(queue.error());
    Queue& q = **queue;
    const std::uint32_t value = vring_state_of(message).value;
    if (value > 1) return refuse(fmt::format("has state {}", value), message);
    stop_looking(q);
    q.enabled = false;
    if (value == 0) return {};
    if (!slave_) return refuse("comes before VHOST_USER_SET_SLAVE_REQ_FD", message);
    if (!q.ring) {
        ++q.setup.number;
        q.setup.indirect = (features_ & feature_indirect) != 0;
        auto ring = Vring::create(q.setup, memory_);
        if (!ring) return refuse(ring.error(), message);
        q.ring.emplace(std::move(*ring));
    }
    q.enabled = true;
    for (const Held& held : std::exchange(q.held, {})) {
        q.ring->push(held.head, held.written);
        if (held.notify == Notify::call) q.call_due = true;
    }
    if (std::exchange(q.call_due, false)) call(q.setup.queue);
    return drain(q);
}

Result<void> Session::get_vring_base(const Message& message) {
    const auto queue = queue_of(message);
    if (!queue) return tl::make_unexpected(queue.error());
    Queue& q = **queue;
    q.enabled = false;
    if (q.ring) q.setup.base = q.ring->next();
    reset(q);
    const VringState state{static_cast<std::uint32_t>(q.setup.queue), q.setup.base};
    return main_.send(make_reply(Request::get_vring_base, std::as_bytes(std::span{&state, 1})));
}

Result<void> Session::get_config(const Message& message) {
    const auto range = config_range_of(message);
    if (!range) return tl::make_unexpected(range.error());
    const auto config = device_.config();
    if (range->offset > config.size() || range->size > config.size() - range->offset)
        return refuse(
            fmt::format("asks for {} bytes at {} of {}", range->size, range->offset, config.size()),
            message);
    std::array<std::byte, payload_limit> payload;
    std::memcpy(payload.data(), &*range, sizeof *range);
    std::memcpy(payload.data() + sizeof *range, config.data() + range->offset, range->size);
    return main_.send(
        make_reply(Request::get_config, std::span{payload}.first(sizeof *range + range->size)));
}

Result<void> Session::kick(const Message& message) {
    const auto queue = queue_of(message);
    if (!queue) return tl::make_unexpected(queue.error());
    ++counters_.kicks;
    Queue& q = **queue;
    // What is in a disabled queue waits until it is enabled.
    if (!q.enabled) return {};
    const auto now = std::chrono::steady_clock::now();
    if (quiet_.count() > 0 && now >= rest_until_) {
        if (!std::exchange(q.looked_at, true)) q.ring->want_kicks(false);
        q.look_until = now + quiet_;
        last_look_ = now;
    }
    return drain(q);
}

void Session::stop_looking(Queue& queue) {
    if (std::exchange(queue.looked_at, false)) queue.ring->want_kicks(true);
}

Result<bool> Session::look() {
    if (std::none_of(queues_.begin(), queues_.end(), [](const Queue& q) { return q.looked_at; }))
        return false;
    const auto begin = std::chrono::steady_clock::now();
    const bool interrupted = begin - last_look_ > longest_gap && !(late_ && late_());
    last_look_ = begin;
    if (interrupted) rest_until_ = begin + rest;
    bool again = false;
    for (Queue& queue : queues_) {
        if (!queue.looked_at) continue;
        const auto before = counters_.chains;
        if (auto drained = drain(queue); !drained) return tl::make_unexpected(drained.error());
        if (counters_.chains != before) queue.look_until = begin + quiet_;
        if (interrupted || begin > queue.look_until) {
            stop_looking(queue);
            if (auto drained = drain(queue); !drained) return tl::make_unexpected(drained.error());
        }
        again = again || queue.looked_at;
    }
    return again;
}

Result<void> Session::drain(Queue& queue) {
    // What comes later comes with a kick of its own, or look() finds it.
    const auto waiting = queue.ring->waiting();
    if (!waiting) return tl::make_unexpected(waiting.error());
    for (std::uint16_t i = 0; i < *waiting; ++i) {
        auto chain = queue.ring->pop();
        if (!chain) return tl::make_unexpected(chain.error());
        ++counters_.chains;
        device_.on_chain(std::move(*chain));
    }
    return {};
}

void Session::complete(const Chain& chain, std::size_t written, Notify notify) {
    const Chain::Origin& origin = chain.origin();
    Queue* const queue = origin.queue < queues_.size() ? &queues_[origin.queue] : nullptr;
    if (!queue || !queue->ring || queue->ring->number() != origin.ring ||
        !queue->ring->in_flight(origin.head)) {
        ++counters_.stale_completions;
        return;
    }
    ++counters_.completions;
    const auto length = static_cast<std::uint32_t>(std::min(written, chain.writable_size()));
    if (!queue->enabled) {
        queue->held.push_back({origin.head, length, notify});
        return;
    }
    queue->ring->push(origin.head, length);
    if (notify == Notify::call) call(origin.queue);
}

void Session::call(std::size_t index) {
    if (index >= queues_.size() || !slave_) return;
    Queue& queue = queues_[index];
    if (!queue.ring) return;
    if (!queue.enabled) {
        queue.call_due = true;
        return;
    }
    if (!queue.ring->wants_call()) return;
    if (queue.called) {
        // The guest may have looked at the ring already: its answer comes before it looks, but we
        // cannot see when it was sent.
        queue.call_due = true;
        ++counters_.merged_calls;
        return;
    }
    if (auto sent = slave_->send(make_call(static_cast<std::uint32_t>(index))); !sent) {
        // The next serve() finds the connection closed, and this as the reason.
        if (!peer_is_gone(sent.error())) failure_ = sent.error();
        main_.shut_down();
        return;
    }
    ++counters_.calls;
    queue.called = true;
    unanswered_calls_.push_back(index);
}

bool Session::calling() const {
    return !unanswered_calls_.empty();
}

Result<void> Session::take_call_replies() {
    while (slave_) {
        const auto reply = slave_->receive();
        if (!reply && peer_is_gone(reply.error())) {
            // The guest closes this socket first when it goes.
            slave_.reset();
            unanswered_calls_.clear();
            return {};
        }
        if (!reply) return tl::make_unexpected(reply.error());
        if (!*reply) return {};
        if (unanswered_calls_.empty() || !(*reply)->fds.empty())
            return fail("was not asked for", "reply to VHOST_USER_SLAVE_VRING_CALL");
        Queue& queue = queues_[unanswered_calls_.front()];
        unanswered_calls_.pop_front();
        queue.called = false;
        // A driver that is just being unbound has no such queue any more.
        if (integer_of(**reply) != 0) ++counters_.refused_calls;
        if (queue.enabled && std::exchange(queue.call_due, false)) call(queue.setup.queue);
    }
    return {};
}

}  // namespace relfence::vhost
