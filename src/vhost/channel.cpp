// SPDX-License-Identifier: MIT
#include "vhost/channel.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <utility>

namespace relfence::vhost {
namespace {

/// Takes over every descriptor that came, also those beyond the limit: they would leak otherwise.
void take_fds(const msghdr& header, std::vector<UniqueFd>& fds) {
    for (cmsghdr* part = CMSG_FIRSTHDR(&header); part;
         part = CMSG_NXTHDR(const_cast<msghdr*>(&header), part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t bytes = part->cmsg_len - CMSG_LEN(0);
        for (std::size_t at = 0; at + sizeof(int) <= bytes; at += sizeof(int)) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(part) + at, sizeof fd);
            fds.emplace_back(fd);
        }
    }
}

}  // namespace

Result<std::optional<Message>> Channel::receive() {
    auto* const header = reinterpret_cast<std::byte*>(&message_.header);
    if (received_ < sizeof(Header)) {
        const auto whole = fill(header, received_, sizeof(Header));
        if (!whole) return tl::make_unexpected(whole.error());
        if (!*whole) return std::nullopt;
    }
    if (!checked_) {
        if (auto checked = check_(message_.header); !checked)
            return tl::make_unexpected(checked.error());
        checked_ = true;
    }
    const auto whole =
        fill(message_.payload.data(), received_ - sizeof(Header), message_.header.size);
    if (!whole) return tl::make_unexpected(whole.error());
    if (!*whole) return std::nullopt;
    received_ = 0;
    checked_ = false;
    return std::exchange(message_, Message{});
}

Result<bool> Channel::fill(std::byte* where, std::size_t have, std::size_t size) {
    while (have < size) {
        iovec part{where + have, size - have};
        alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(fd_limit * sizeof(int))> control;
        msghdr header{};
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        header.msg_control = control.data();
        header.msg_controllen = control.size();
        const ssize_t got = ::recvmsg(socket_.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (got < 0) {
            if (errno == EINTR) continue;
            if (errno == EAGAIN) return false;
            return fail_errno("recvmsg", "vhost-user socket");
        }
        take_fds(header, message_.fds);
        if ((header.msg_flags & MSG_CTRUNC) != 0 || message_.fds.size() > fd_limit)
            return fail("came with too many file descriptors", "vhost-user message");
        if (got == 0) return fail_errno("recvmsg", "vhost-user socket", ECONNRESET);
        have += static_cast<std::size_t>(got);
        received_ += static_cast<std::size_t>(got);
    }
    return true;
}

Result<void> Channel::send(const Message& message) {
    std::array<std::byte, sizeof(Header) + payload_limit> bytes;
    std::memcpy(bytes.data(), &message.header, sizeof(Header));
    std::memcpy(bytes.data() + sizeof(Header), message.payload.data(), message.header.size);
    const std::size_t size = sizeof(Header) + message.header.size;
    ssize_t sent = 0;
    do {
        sent = ::send(socket_.get(), bytes.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) return fail_errno("send", "vhost-user socket");
    // The kernel takes so few bytes as a whole or not at all.
    if (static_cast<std::size_t>(sent) != size)
        return fail_errno("send", "vhost-user socket", EAGAIN);
    return {};
}

void Channel::shut_down() {
    ::shutdown(socket_.get(), SHUT_RDWR);
}

bool is_stream_socket(int fd) {
    int domain = 0;
    int type = 0;
    socklen_t size = sizeof domain;
    return ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX &&
           ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

}  // namespace relfence::vhost
