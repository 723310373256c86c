// SPDX-License-Identifier: MIT
#include "board/virtual_time_guest.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

namespace relfence::board {
namespace {

constexpr const char* guest_subject = "time-travel message";

std::string name_of(TimeOp op) {
    constexpr std::array names{"ACK",    "START", "REQUEST",    "WAIT",    "GET",
                               "UPDATE", "RUN",   "FREE_UNTIL", "GET_TOD", "BROADCAST"};
    const auto index = static_cast<std::uint32_t>(op);
    return index < names.size() ? names[index] : fmt::format("operation {}", index);
}

tl::unexpected<Error> refuse(const std::string& what, const TimeMessage& message) {
    return fail(what, "time-travel " + name_of(message.op));
}

/// As the guest's panic on a broken link would have it: in nanoseconds.
std::string print(Nanoseconds time) {
    return time == forever ? "for ever" : fmt::format("{} ns", time.count());
}

bool is_gone(const Error& error) {
    return error.code == EPIPE || error.code == ECONNRESET;
}

/// The shared memory that START must be answered with. Its version is 0, and so the guest works
/// without it: time_travel_setup_shm().
Result<UniqueFd> make_unused_shared_memory() {
    constexpr off_t header_size = 4096;  // of struct um_timetravel_schedshm
    UniqueFd fd{::memfd_create("no-time-travel-memory", MFD_CLOEXEC)};
    if (!fd.valid() || ::ftruncate(fd.get(), header_size) != 0)
        return fail_errno("memfd_create", guest_subject);
    return fd;
}

}  // namespace

GuestClock::GuestClock(UniqueFd connection, Nanoseconds time_of_day)
    : socket_{std::move(connection)}, time_of_day_{time_of_day} {}

Result<bool> GuestClock::serve(Nanoseconds& now) {
    for (;;) {
        const auto message = receive();
        if (!message && is_gone(message.error())) return false;
        if (!message) return tl::make_unexpected(message.error());
        if (!*message) return true;
        auto handled = check(**message, now);
        if (handled) handled = handle(**message, now);
        if (!handled && is_gone(handled.error())) return false;
        if (!handled) return tl::make_unexpected(handled.error());
    }
}

Result<std::optional<TimeMessage>> GuestClock::receive() {
    while (received_size_ < received_.size()) {
        const ssize_t got = ::recv(socket_.get(), received_.data() + received_size_,
                                   received_.size() - received_size_, MSG_DONTWAIT);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) return std::nullopt;
        if (got < 0) return fail_errno("recv", guest_subject);
        if (got == 0 && received_size_ > 0)
            return fail(fmt::format("ends after {} of 16 bytes", received_size_), guest_subject);
        if (got == 0) return fail_errno("recv", guest_subject, ECONNRESET);
        received_size_ += static_cast<std::size_t>(got);
    }
    received_size_ = 0;
    TimeMessage message;
    std::memcpy(&message, received_.data(), sizeof message);
    return message;
}

Result<void> GuestClock::send(const TimeMessage& message, std::span<const int> fds) {
    TimeMessage copy = message;
    iovec part{&copy, sizeof copy};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(2 * sizeof(int))> control{};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (!fds.empty()) {
        header.msg_control = control.data();
        header.msg_controllen = CMSG_SPACE(fds.size_bytes());
        cmsghdr* const rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(fds.size_bytes());
        std::memcpy(CMSG_DATA(rights), fds.data(), fds.size_bytes());
    }
    ssize_t sent = 0;
    do {
        sent = ::sendmsg(socket_.get(), &header, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) return fail_errno("send", guest_subject);
    // The kernel takes so few bytes as a whole or not at all.
    if (sent != sizeof copy) return fail_errno("send", guest_subject, EAGAIN);
    return {};
}

Result<void> GuestClock::check(const TimeMessage& message, Nanoseconds now) const {
    if (!started_ && message.op != TimeOp::start) return refuse("comes before START", message);
    const auto time = static_cast<std::int64_t>(message.time);
    switch (message.op) {
        case TimeOp::start:
            if (started_) return refuse("comes twice", message);
            return {};
        case TimeOp::request:
            if (time < now.count())
                return refuse(fmt::format("is for {} ns, in the past at {}", time, print(now)),
                              message);
            return {};
        case TimeOp::wait:
            if (waiting_) return refuse("comes while the guest waits", message);
            if (!requested_) return refuse("comes without a REQUEST", message);
            if (*requested_ < now)
                return refuse(
                    fmt::format("is for {}, in the past at {}", print(*requested_), print(now)),
                    message);
            return {};
        case TimeOp::update: {
            if (waiting_) return refuse("comes while the guest waits", message);
            const bool granted = time == now.count() || time < free_until_.count();
            if (time < now.count() || !granted)
                return refuse(fmt::format("is to {} ns: it is {}, and the guest may run until {}",
                                          time, print(now), print(free_until_)),
                              message);
            return {};
        }
        case TimeOp::ack:
        case TimeOp::get:
        case TimeOp::get_time_of_day:
        case TimeOp::broadcast:
            return {};
        case TimeOp::run:
        case TimeOp::free_until:
            break;
    }
    return refuse("is nothing that a guest says", message);
}

Result<void> GuestClock::handle(const TimeMessage& message, Nanoseconds& now) {
    const auto time = Nanoseconds{static_cast<std::int64_t>(message.time)};
    TimeMessage answer{TimeOp::ack, message.sequence, 0};
    switch (message.op) {
        case TimeOp::ack:
            return take_ack(message);
        case TimeOp::start:
            return start(message);
        case TimeOp::request:
            requested_ = time;
            break;
        case TimeOp::wait:
            waiting_ = true;
            break;
        case TimeOp::get:
            answer.time = static_cast<std::uint64_t>(now.count());
            break;
        case TimeOp::update:
            now = time;
            break;
        case TimeOp::get_time_of_day:
            answer.time = static_cast<std::uint64_t>((time_of_day_ + now).count());
            break;
        default:
            break;  // a broadcast, and there is nobody else to tell
    }
    return send(answer);
}

Result<void> GuestClock::start(const TimeMessage& message) {
    const auto memory = make_unused_shared_memory();
    if (!memory) return tl::make_unexpected(memory.error());
    // It closes this one unread.
    const auto log = open_fd("/dev/null", O_WRONLY);
    if (!log) return tl::make_unexpected(log.error());
    started_ = true;
    constexpr std::uint64_t client_id = 1;
    return send({TimeOp::ack, message.sequence, client_id}, std::array{memory->get(), log->get()});
}

Result<void> GuestClock::take_ack(const TimeMessage& message) {
    if (unanswered_.empty()) return refuse("was not asked for", message);
    if (message.sequence != unanswered_.front())
        return refuse(
            fmt::format("is for message {}, which was {}", message.sequence, unanswered_.front()),
            message);
    unanswered_.pop_front();
    return {};
}

Result<void> GuestClock::tell(TimeOp op, Nanoseconds time) {
    const TimeMessage message{op, ++last_sequence_, static_cast<std::uint64_t>(time.count())};
    unanswered_.push_back(message.sequence);
    auto sent = send(message);
    // The next serve() says that it is gone.
    if (!sent && is_gone(sent.error())) return {};
    return sent;
}

Result<void> GuestClock::run(Nanoseconds now, Nanoseconds free_until) {
    // With each turn it forgets the last limit: time_travel_ext_wait().
    free_until_ = free_until;
    if (auto told = tell(TimeOp::free_until, free_until); !told) return told;
    waiting_ = false;
    requested_.reset();
    return tell(TimeOp::run, now);
}

void GuestClock::limit(Nanoseconds free_until) {
    if (waiting_ || free_until >= free_until_) return;
    free_until_ = free_until;
    // The next serve() finds the connection closed.
    if (!tell(TimeOp::free_until, free_until)) ::shutdown(socket_.get(), SHUT_RDWR);
}

}  // namespace relfence::board
