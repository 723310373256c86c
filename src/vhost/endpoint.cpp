// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <relfence/vhost/endpoint.hpp>

#include "vhost/listen.hpp"
#include "vhost/session.hpp"

namespace relfence::vhost {
Endpoint::Endpoint(Device& device) : device_{device} {}

Endpoint::~Endpoint() {
    if (session_) stop();
    if (listener_.valid()) ::unlink(path_.c_str());
}

Result<std::unique_ptr<Endpoint>> Endpoint::listen(const std::string& path, Device& device) {
    auto fd = listen_on(path);
    if (!fd) return tl::make_unexpected(fd.error());
    std::unique_ptr<Endpoint> endpoint{new Endpoint{device}};
    endpoint->listener_ = std::move(*fd);
    endpoint->path_ = path;
    endpoint->poll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    if (!endpoint->poll_.valid()) return fail_errno("epoll_create1", path);
    if (auto watched = endpoint->watch(endpoint->listener_.get()); !watched)
        return tl::make_unexpected(watched.error());
    return endpoint;
}

Result<std::unique_ptr<Endpoint>> Endpoint::adopt(UniqueFd connection, Device& device) {
    std::unique_ptr<Endpoint> endpoint{new Endpoint{device}};
    if (!is_stream_socket(connection.get()))
        return fail("is no Unix stream socket", "vhost-user connection");
    endpoint->poll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    if (!endpoint->poll_.valid()) return fail_errno("epoll_create1", "vhost-user connection");
    if (auto started = endpoint->start(std::move(connection)); !started)
        return tl::make_unexpected(started.error());
    return endpoint;
}

Result<void> Endpoint::watch(int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    if (::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
        return fail_errno("epoll_ctl", "vhost-user socket");
    return {};
}

Result<void> Endpoint::start(UniqueFd connection) {
    if (auto watched = watch(connection.get()); !watched) return watched;
    ucred credentials{};
    socklen_t size = sizeof credentials;
    ::getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size);
    peer_ = credentials.pid;
    session_ = std::make_unique<Session>(
        std::move(connection), device_, counters_, [this](int fd) { return watch(fd); },
        [this] { return ready_to_reply(); },
        [this] {
            if (before_request_) before_request_();
        });
    session_->look_at_queues(quiet_, late_);
    ++counters_.guests;
    device_.connected(*this);
    return {};
}

Result<void> Endpoint::accept() {
    UniqueFd connection{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (!connection.valid()) {
        if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return {};
        return fail_errno("accept", path_);
    }
    if (auto started = start(std::move(connection)); !started) return started;
    ::epoll_ctl(poll_.get(), EPOLL_CTL_DEL, listener_.get(), nullptr);
    return {};
}

void Endpoint::stop() {
    // Without a session first: what the device completes now goes nowhere.
    const auto ended = std::move(session_);
    device_.disconnected();
    peer_ = 0;
}

int Endpoint::fd() const {
    return poll_.get();
}

Result<void> Endpoint::on_readable() {
    if (!session_) return listener_.valid() ? accept() : Result<void>{};
    // In the middle of a request, where before_reply() waits for the guest: it says nothing else.
    if (replying_) return session_->take_call_replies();
    return go_on(session_->serve());
}

void Endpoint::look_at_queues(std::chrono::nanoseconds quiet, std::function<bool()> late) {
    quiet_ = quiet;
    late_ = std::move(late);
    if (session_) session_->look_at_queues(quiet_, late_);
}

Result<bool> Endpoint::look() {
    if (!session_ || replying_) return false;
    const auto wanted = session_->look();
    if (wanted) return wanted;
    auto gone = go_on(tl::make_unexpected(wanted.error()));
    return tl::make_unexpected(gone.error());
}

/// @param there whether the guest still is, or why it has to go
Result<void> Endpoint::go_on(const Result<bool>& there) {
    if (there && *there) return {};
    stop();
    if (listener_.valid()) {
        if (auto watched = watch(listener_.get()); !watched) return watched;
    }
    if (!there) return tl::make_unexpected(there.error());
    return {};
}

void Endpoint::before_reply(std::function<Result<void>()> hook) {
    before_reply_ = std::move(hook);
}

void Endpoint::before_request(std::function<void()> hook) {
    before_request_ = std::move(hook);
}

Result<void> Endpoint::ready_to_reply() {
    if (!before_reply_) return {};
    replying_ = true;
    const auto ready = before_reply_();
    replying_ = false;
    return ready;
}

bool Endpoint::connected() const {
    return session_ != nullptr;
}

bool Endpoint::calling() const {
    return session_ && session_->calling();
}

void Endpoint::complete(Chain chain, std::size_t written, Notify notify) {
    if (session_)
        session_->complete(chain, written, notify);
    else
        ++counters_.stale_completions;
}

void Endpoint::call(std::size_t queue) {
    if (session_) session_->call(queue);
}

std::shared_ptr<const GuestMemory> Endpoint::memory() const {
    return session_ ? session_->memory() : nullptr;
}

Result<void> serve_until_called(std::span<Endpoint* const> endpoints,
                                std::chrono::milliseconds limit) {
    const auto calling = [](const Endpoint* endpoint) { return endpoint->calling(); };
    std::vector<pollfd> fds;
    for (const Endpoint* endpoint : endpoints) fds.push_back({endpoint->fd(), POLLIN, 0});
    while (std::any_of(endpoints.begin(), endpoints.end(), calling)) {
        const int ready = ::poll(fds.data(), fds.size(), static_cast<int>(limit.count()));
        if (ready < 0 && errno == EINTR) continue;
        if (ready < 0) return fail_errno("poll", "vhost-user endpoints");
        if (ready == 0) return fail_errno("wait for", "the guest's answer to a call", ETIMEDOUT);
        for (std::size_t i = 0; i < fds.size(); ++i) {
            if (fds[i].revents == 0) continue;
            if (auto served = endpoints[i]->on_readable(); !served) return served;
        }
    }
    return {};
}

}  // namespace relfence::vhost
