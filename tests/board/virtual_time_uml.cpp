// SPDX-License-Identifier: MIT
#include "virtual_time_uml.hpp"

#include <array>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>

#include <gtest/gtest.h>

namespace relfence::board {
namespace {

constexpr int patience_ms = 10000;

}  // namespace

FakeUml::FakeUml(UniqueFd socket, std::function<void()> pump, std::function<void()> interrupts)
    : socket_{std::move(socket)}, pump_{std::move(pump)}, interrupts_{std::move(interrupts)} {}

TimeMessage FakeUml::receive(std::vector<UniqueFd>* fds) {
    if (pump_) pump_();
    pollfd poll{socket_.get(), POLLIN, 0};
    TimeMessage message{};
    iovec part{&message, sizeof message};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(8 * sizeof(int))> control{};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const bool came = ::poll(&poll, 1, patience_ms) == 1 &&
                      ::recvmsg(socket_.get(), &header, 0) == static_cast<ssize_t>(sizeof message);
    EXPECT_TRUE(came) << "the time-travel link is broken";
    const cmsghdr* const rights = came ? CMSG_FIRSTHDR(&header) : nullptr;
    EXPECT_TRUE(rights == nullptr || fds != nullptr) << "file descriptors that nobody takes";
    for (std::size_t at = 0; rights && fds && at + CMSG_LEN(0) < rights->cmsg_len;
         at += sizeof(int)) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(rights) + at, sizeof fd);
        fds->emplace_back(fd);
    }
    return message;
}

void FakeUml::set_time(Nanoseconds to) {
    EXPECT_GE(to, now) << "panic: time goes backwards";
    EXPECT_LT(to, forever) << "panic: the system was going to sleep forever";
    now = to;
}

void FakeUml::take(const TimeMessage& message) {
    const auto time = Nanoseconds{static_cast<std::int64_t>(message.time)};
    if (message.op == TimeOp::run) {
        EXPECT_TRUE(waiting_) << "RUN to a guest that runs";
        run_ = message;
        set_time(time);
    } else if (message.op == TimeOp::free_until) {
        free_until = time;
    } else {
        ADD_FAILURE() << "unexpected message " << static_cast<int>(message.op);
    }
    write(TimeOp::ack, 0, message.sequence);
}

void FakeUml::take_told() {
    take(receive());
}

std::uint64_t FakeUml::ask(TimeOp op, std::uint64_t time) {
    const std::uint32_t sequence = ++sequence_;
    ++asked;
    write(op, time, sequence);
    for (;;) {
        const TimeMessage message = receive();
        if (testing::Test::HasFailure()) return 0;
        if (message.op == TimeOp::ack) {
            EXPECT_EQ(message.sequence, sequence) << "panic: ACK has a different number";
            return message.time;
        }
        EXPECT_NE(message.op, TimeOp::run) << "RUN would be lost while an ACK is awaited";
        take(message);
    }
}

std::vector<UniqueFd> FakeUml::start() {
    std::vector<UniqueFd> fds;
    write(TimeOp::start, 1, ++sequence_);
    const TimeMessage ack = receive(&fds);
    EXPECT_EQ(ack.op, TimeOp::ack);
    EXPECT_EQ(ack.sequence, sequence_);
    return fds;
}

void FakeUml::update(Nanoseconds to) {
    set_time(to);
    ask(TimeOp::update, static_cast<std::uint64_t>(to.count()));
}

Nanoseconds FakeUml::get() {
    set_time(Nanoseconds{static_cast<std::int64_t>(ask(TimeOp::get))});
    return now;
}

void FakeUml::wait() {
    free_until.reset();
    run_.reset();
    waiting_ = true;
    ask(TimeOp::wait);
    while (!run_ && !testing::Test::HasFailure()) {
        if (interrupts_) interrupts_();
        take(receive());
    }
    waiting_ = false;
}

void FakeUml::go_to(Nanoseconds when) {
    if (free_until && when < *free_until) return set_time(when);
    request(when);
    wait();
}

void FakeUml::write(TimeOp op, std::uint64_t time, std::uint32_t sequence) {
    const TimeMessage message{op, sequence, time};
    EXPECT_EQ(::send(socket_.get(), &message, sizeof message, MSG_NOSIGNAL),
              static_cast<ssize_t>(sizeof message));
}

bool FakeUml::closed() const {
    std::byte byte{};
    return ::recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

}  // namespace relfence::board
