// SPDX-License-Identifier: MIT
#include "vhost_front_end.hpp"

#include <array>
#include <cstring>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace relfence::vhost {
namespace {

constexpr int patience_ms = 10000;
constexpr std::size_t memory_size = 4 * GuestRing::bytes_needed;
/// VHOST_USER_SUPPORTED_PROTOCOL_F of vhost_user.h.
constexpr std::uint64_t known_protocol = protocol_feature::reply_ack | protocol_feature::slave_req |
                                         protocol_feature::config |
                                         protocol_feature::inband_notifications;

std::span<const std::byte> bytes_of(const auto& value) {
    return std::as_bytes(std::span{&value, 1});
}

void read_all(int fd, std::span<std::byte> bytes) {
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t got = ::read(fd, bytes.data() + done, bytes.size() - done);
        ASSERT_GT(got, 0) << "the back end closed the socket";
        done += static_cast<std::size_t>(got);
    }
}

}  // namespace

std::pair<UniqueFd, UniqueFd> socket_pair() {
    std::array<int, 2> fds{-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
    return {UniqueFd{fds[0]}, UniqueFd{fds[1]}};
}

void send_bytes(int socket, std::span<const std::byte> bytes, const std::vector<int>& fds) {
    iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
    std::vector<std::byte> control(CMSG_SPACE(fds.size() * sizeof(int)));
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (!fds.empty()) {
        header.msg_control = control.data();
        header.msg_controllen = control.size();
        cmsghdr* const rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
        std::memcpy(CMSG_DATA(rights), fds.data(), fds.size() * sizeof(int));
    }
    ASSERT_EQ(::sendmsg(socket, &header, MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
}

bool readable(int fd, int milliseconds) {
    pollfd poll{fd, POLLIN, 0};
    return ::poll(&poll, 1, milliseconds) == 1;
}

FrontEnd::FrontEnd(UniqueFd socket, std::function<void()> pump)
    : socket_{std::move(socket)},
      pump_{std::move(pump)},
      memory_file_{::memfd_create("guest", MFD_CLOEXEC)} {
    const std::size_t size = memory_offset + memory_size;
    EXPECT_EQ(::ftruncate(memory_file_.get(), static_cast<off_t>(size)), 0);
    void* const base =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory_file_.get(), 0);
    EXPECT_NE(base, MAP_FAILED);
    // Never unmapped: a test's process ends soon.
    memory_ = std::span{static_cast<std::byte*>(base) + memory_offset, memory_size};
}

void FrontEnd::handshake() {
    send(Request::set_owner, {});
    features = ask(Request::get_features);
    ASSERT_NE(features & feature_protocol_features, 0U);
    protocol_features = ask(Request::get_protocol_features) & known_protocol;
    // Already with a reply, if the back end offered that: the kernel looks at what it will set.
    send_integer(Request::set_protocol_features, protocol_features);
    send_slave_socket();
    send_integer(Request::set_features, features);
}

void FrontEnd::send_slave_socket() {
    auto [ours, theirs] = socket_pair();
    slave_ = std::move(ours);
    send(Request::set_slave_req_fd, {}, {theirs.get()});
}

void FrontEnd::find_queues(std::size_t queues) {
    struct {
        std::uint32_t number = 1, padding = 0;
        std::array<MemoryRegion, 2> regions{};
    } table;
    table.regions[0] = {memory_address, memory_.size(), memory_address, memory_offset};
    send(Request::set_mem_table, bytes_of(table), {memory_file_.get()});
    rings_.clear();
    for (std::size_t i = 0; i < queues; ++i) {
        const auto part = memory_.subspan(i * GuestRing::bytes_needed, GuestRing::bytes_needed);
        std::fill(part.begin(), part.end(), std::byte{0});
        rings_.emplace_back(part, memory_address + i * GuestRing::bytes_needed, ring_size);
        const auto index = static_cast<std::uint32_t>(i);
        const VringSetup setup = rings_.back().setup();
        send_state(Request::set_vring_num, index, ring_size);
        send_state(Request::set_vring_base, index, 0);
        const VringAddresses addresses{
            index, 0, setup.descriptors, setup.used, setup.available, ~std::uint64_t{0}};
        send(Request::set_vring_addr, bytes_of(addresses));
    }
    for (std::size_t i = 0; i < queues; ++i)
        send_state(Request::set_vring_enable, static_cast<std::uint32_t>(i), 1);
}

void FrontEnd::delete_queues() {
    for (std::size_t i = rings_.size(); i-- > 0;)
        send_state(Request::set_vring_enable, static_cast<std::uint32_t>(i), 0);
    (void)ask(Request::get_features);
    rings_.clear();
}

void FrontEnd::kick(std::size_t queue) {
    send_state(Request::vring_kick, static_cast<std::uint32_t>(queue), 0);
}

void FrontEnd::write(Request request, std::span<const std::byte> payload, bool need_reply,
                     const std::vector<int>& fds) {
    const Header header{static_cast<std::uint32_t>(request),
                        flag::version | (need_reply ? flag::need_reply : 0),
                        static_cast<std::uint32_t>(payload.size())};
    std::vector<std::byte> bytes(sizeof header + payload.size());
    std::memcpy(bytes.data(), &header, sizeof header);
    if (!payload.empty()) std::memcpy(bytes.data() + sizeof header, payload.data(), payload.size());
    send_bytes(socket_.get(), bytes, fds);
}

void FrontEnd::send(Request request, std::span<const std::byte> payload,
                    const std::vector<int>& fds) {
    const bool acknowledged = (protocol_features & protocol_feature::reply_ack) != 0;
    write(request, payload, acknowledged, fds);
    if (acknowledged)
        EXPECT_EQ(reply_integer(request), 0U);
    else if (pump_)
        pump_();
}

void FrontEnd::send_state(Request request, std::uint32_t index, std::uint32_t value) {
    const VringState state{index, value};
    send(request, bytes_of(state));
}

void FrontEnd::send_integer(Request request, std::uint64_t value) {
    send(request, bytes_of(value));
}

std::vector<std::byte> FrontEnd::reply(Request request, std::size_t size) {
    if (pump_) pump_();
    if (!readable(socket_.get(), pump_ ? 0 : patience_ms)) {
        ADD_FAILURE() << "no reply to " << name_of(static_cast<std::uint32_t>(request));
        return std::vector<std::byte>(size);
    }
    Header header;
    read_all(socket_.get(), std::as_writable_bytes(std::span{&header, 1}));
    EXPECT_EQ(header.request, static_cast<std::uint32_t>(request));
    EXPECT_EQ(header.flags, 5U);
    EXPECT_EQ(header.size, size);
    std::vector<std::byte> payload(header.size);
    read_all(socket_.get(), payload);
    payload.resize(size);
    return payload;
}

std::uint64_t FrontEnd::reply_integer(Request request) {
    const auto bytes = reply(request, sizeof(std::uint64_t));
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
}

std::uint64_t FrontEnd::ask(Request request) {
    write(request, {}, false);
    return reply_integer(request);
}

std::vector<std::byte> FrontEnd::config(std::uint32_t offset, std::uint32_t length) {
    // The kernel reads from 0 and takes what it wants of it.
    std::vector<std::byte> payload(sizeof(ConfigRange) + offset + length);
    const ConfigRange range{0, offset + length, 0};
    std::memcpy(payload.data(), &range, sizeof range);
    write(Request::get_config, payload, false);
    const auto bytes = reply(Request::get_config, payload.size());
    EXPECT_EQ(std::memcmp(bytes.data(), &range, sizeof range), 0) << "sizes must be echoed";
    return {bytes.begin() + static_cast<std::ptrdiff_t>(sizeof range + offset), bytes.end()};
}

std::vector<std::uint32_t> FrontEnd::take_calls(std::size_t most) {
    std::vector<std::uint32_t> calls;
    while (calls.size() < most && slave_.valid() && readable(slave_.get(), 0)) {
        struct {
            Header header;
            std::array<std::uint32_t, 2> payload;
        } message{};
        read_all(slave_.get(), std::as_writable_bytes(std::span{&message.header, 1}));
        EXPECT_EQ(message.header.request, slave_vring_call);
        EXPECT_EQ(message.header.flags, 9U) << "version 1, needs a reply";
        EXPECT_EQ(message.header.size, 8U);
        if (message.header.size != 8) return calls;
        read_all(slave_.get(), std::as_writable_bytes(std::span{message.payload}));
        calls.push_back(message.payload[0]);
        message.header.flags = 5;
        std::memcpy(message.payload.data(), &call_status_, sizeof call_status_);
        send_bytes(slave_.get(), bytes_of(message), {});
    }
    return calls;
}

bool FrontEnd::closed() const {
    std::byte byte{};
    return readable(socket_.get(), 0) && ::recv(socket_.get(), &byte, 1, MSG_PEEK) == 0;
}

}  // namespace relfence::vhost
