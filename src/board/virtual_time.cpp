// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

#include <relfence/board/virtual_time.hpp>

#include "board/virtual_time_guest.hpp"
#include "vhost/listen.hpp"

namespace relfence::board {
namespace {

constexpr const char* subject = "time-travel socket";

Result<void> watch_fd(const UniqueFd& poll, int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    if (::epoll_ctl(poll.get(), EPOLL_CTL_ADD, fd, &event) != 0)
        return fail_errno("epoll_ctl", subject);
    return {};
}

}  // namespace

VirtualTime::VirtualTime(VirtualTimeOptions options)
    : options_{options}, poll_{::epoll_create1(EPOLL_CLOEXEC)} {}

VirtualTime::~VirtualTime() {
    if (listener_.valid()) ::unlink(path_.c_str());
}

Result<std::unique_ptr<VirtualTime>> VirtualTime::listen(const std::string& path,
                                                         VirtualTimeOptions options) {
    auto listener = vhost::listen_on(path);
    if (!listener) return tl::make_unexpected(listener.error());
    std::unique_ptr<VirtualTime> time{new VirtualTime{options}};
    time->listener_ = std::move(*listener);
    time->path_ = path;
    if (!time->poll_.valid()) return fail_errno("epoll_create1", subject);
    if (auto watched = watch_fd(time->poll_, time->listener_.get()); !watched)
        return tl::make_unexpected(watched.error());
    return time;
}

Result<std::unique_ptr<VirtualTime>> VirtualTime::adopt(UniqueFd connection,
                                                        VirtualTimeOptions options) {
    std::unique_ptr<VirtualTime> time{new VirtualTime{options}};
    if (!time->poll_.valid()) return fail_errno("epoll_create1", subject);
    if (auto started = time->start(std::move(connection)); !started)
        return tl::make_unexpected(started.error());
    return time;
}

std::string VirtualTime::kernel_option() const {
    // With a number in front, so that a path may have colons.
    return fmt::format("time-travel=ext:1:{}", path_);
}

void VirtualTime::watch(vhost::Endpoint& endpoint) {
    endpoints_.push_back(&endpoint);
    endpoint.before_reply([this] { return settle(); });
}

Result<void> VirtualTime::start(UniqueFd connection) {
    if (auto watched = watch_fd(poll_, connection.get()); !watched) return watched;
    guest_ = std::make_unique<GuestClock>(std::move(connection), options_.time_of_day);
    now_ = Nanoseconds{0};
    events_.clear();
    return {};
}

Result<void> VirtualTime::accept() {
    UniqueFd connection{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (!connection.valid()) {
        if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return {};
        return fail_errno("accept", path_);
    }
    if (auto started = start(std::move(connection)); !started) return started;
    // Another guest waits for its turn.
    ::epoll_ctl(poll_.get(), EPOLL_CTL_DEL, listener_.get(), nullptr);
    return {};
}

Result<void> VirtualTime::drop(Result<void> why) {
    guest_.reset();
    events_.clear();
    if (listener_.valid()) {
        if (auto watched = watch_fd(poll_, listener_.get()); !watched) return watched;
    }
    return why;
}

Result<void> VirtualTime::on_readable() {
    if (!guest_) return listener_.valid() ? accept() : Result<void>{};
    const auto there = guest_->serve(now_);
    if (!there) return drop(tl::make_unexpected(there.error()));
    if (!*there) return drop({});
    return advancing_ ? Result<void>{} : advance();
}

Result<void> VirtualTime::advance() {
    advancing_ = true;
    Result<void> done;
    while (done && guest_ && guest_->waiting()) {
        const Nanoseconds turn = *guest_->requested();
        const bool event_is_next = !events_.empty() && events_.begin()->first.first <= turn;
        if (event_is_next) {
            done = run_first_event();
        } else if (turn == forever) {
            done = fail("sleeps for ever, and no device has anything to do", "the guest");
        } else {
            now_ = turn;
            done = guest_->run(now_, events_.empty() ? forever : events_.begin()->first.first);
        }
    }
    advancing_ = false;
    return done || !guest_ ? done : drop(done);
}

Result<void> VirtualTime::run_first_event() {
    // It may ask for others, or cancel itself.
    auto event = events_.extract(events_.begin());
    now_ = std::max(now_, event.key().first);
    event.mapped()();
    return settle();
}

bool VirtualTime::settled() const {
    // A guest that keeps its own time takes no interrupt while it waits for an answer.
    if (!guest_) return true;
    const auto calling = [](const vhost::Endpoint* endpoint) { return endpoint->calling(); };
    return guest_->knows_its_limit() && std::none_of(endpoints_.begin(), endpoints_.end(), calling);
}

Result<void> VirtualTime::settle() {
    if (settled()) return {};
    // Whoever waits here goes on with time afterwards, not the messages that come meanwhile.
    const bool was_advancing = std::exchange(advancing_, true);
    const auto done = serve_until_settled();
    advancing_ = was_advancing;
    return done;
}

Result<void> VirtualTime::serve_until_settled() {
    using std::chrono::milliseconds;
    const auto deadline = std::chrono::steady_clock::now() + options_.patience;
    std::vector<pollfd> fds{{fd(), POLLIN, 0}};
    for (const vhost::Endpoint* endpoint : endpoints_) fds.push_back({endpoint->fd(), POLLIN, 0});
    while (!settled()) {
        const auto left = std::max(
            milliseconds{0},
            std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now()));
        const int ready = ::poll(fds.data(), fds.size(), static_cast<int>(left.count()));
        if (ready < 0 && errno == EINTR) continue;
        if (ready < 0) return fail_errno("poll", subject);
        for (std::size_t i = 0; i < fds.size(); ++i) {
            if (fds[i].revents == 0) continue;
            auto served = i == 0 ? on_readable() : endpoints_[i - 1]->on_readable();
            if (!served) return served;
        }
        // Not only when nothing comes: a broken guest may go on saying something else.
        if (left.count() == 0 && !settled())
            return fail_errno("wait for", "the guest to take an interrupt", ETIMEDOUT);
    }
    return {};
}

Timeline::Id VirtualTime::at(Nanoseconds when, std::function<void()> what) {
    const Nanoseconds due = std::max(when, now_);
    const Id id = ++last_id_;
    events_.emplace(std::pair{due, id}, std::move(what));
    if (guest_) guest_->limit(due);
    return id;
}

void VirtualTime::cancel(Id id) {
    const auto has_id = [id](const auto& event) { return event.first.second == id; };
    const auto found = std::find_if(events_.begin(), events_.end(), has_id);
    // The guest may stop once for nothing; it need not know.
    if (found != events_.end()) events_.erase(found);
}

void VirtualTime::compute(std::function<void()> work, std::function<void()> done) {
    work();
    done();
}

}  // namespace relfence::board
