// SPDX-License-Identifier: MIT
#include <algorithm>
#include <csignal>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <relfence/board/real_time.hpp>

namespace relfence::board {

Result<std::unique_ptr<RealTime>> RealTime::create() {
    std::unique_ptr<RealTime> time{new RealTime};
    time->poll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    time->timer_.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    time->computed_event_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!time->poll_.valid() || !time->timer_.valid() || !time->computed_event_.valid())
        return fail_errno("make", "the board's clock");
    for (const int fd : {time->timer_.get(), time->computed_event_.get()}) {
        epoll_event event{};
        event.events = EPOLLIN;
        if (::epoll_ctl(time->poll_.get(), EPOLL_CTL_ADD, fd, &event) < 0)
            return fail_errno("watch", "the board's clock");
    }
    // A signal is for the thread that runs the board: it ends what that one waits for.
    sigset_t all, before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    time->worker_ = std::thread{[self = time.get()] { self->work(); }};
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return time;
}

RealTime::~RealTime() {
    {
        const std::lock_guard guard{lock_};
        stop_ = true;
    }
    changed_.notify_all();
    if (worker_.joinable()) worker_.join();
}

Nanoseconds RealTime::now() const {
    return std::chrono::steady_clock::now() - begin_;
}

void RealTime::arm() {
    itimerspec spec{};
    if (!events_.empty()) {
        // An absolute time that is over fires at once; all zero would disarm.
        const auto when = (begin_ + events_.begin()->first.first).time_since_epoch();
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(when);
        spec.it_value.tv_sec = seconds.count();
        spec.it_value.tv_nsec = Nanoseconds{when - seconds}.count();
    }
    ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
}

Timeline::Id RealTime::at(Nanoseconds when, std::function<void()> what) {
    const Key key{when, ++last_};
    events_.emplace(key, std::move(what));
    if (events_.begin()->first == key) arm();
    return last_;
}

void RealTime::cancel(Id id) {
    std::erase_if(events_, [id](const auto& event) { return event.first.second == id; });
    arm();
}

void RealTime::compute(std::function<void()> work, std::function<void()> done) {
    {
        const std::lock_guard guard{lock_};
        waiting_.push_back({std::move(work), std::move(done)});
    }
    changed_.notify_all();
}

void RealTime::work() {
    std::unique_lock guard{lock_};
    for (;;) {
        changed_.wait(guard, [this] { return stop_ || !waiting_.empty(); });
        if (stop_) return;
        Computation next = std::move(waiting_.front());
        waiting_.pop_front();
        working_ = true;
        guard.unlock();
        next.work();
        // What it captured goes now, before drain() returns.
        next.work = nullptr;
        guard.lock();
        working_ = false;
        computed_.push_back(std::move(next.done));
        ::eventfd_write(computed_event_.get(), 1);
        changed_.notify_all();
    }
}

void RealTime::drain() {
    std::unique_lock guard{lock_};
    waiting_.clear();
    changed_.wait(guard, [this] { return !working_; });
    computed_.clear();
}

void RealTime::on_readable() {
    eventfd_t count = 0;
    ::eventfd_read(computed_event_.get(), &count);
    std::deque<std::function<void()>> computed;
    {
        const std::lock_guard guard{lock_};
        computed.swap(computed_);
    }
    for (const auto& done : computed) done();

    std::uint64_t expirations = 0;
    [[maybe_unused]] const ssize_t size = ::read(timer_.get(), &expirations, sizeof expirations);
    // What an event asks for with a time that is over comes with the next call: the guest is
    // served in between.
    const Nanoseconds due = now();
    const Id last = last_;
    for (;;) {
        const auto event = std::ranges::find_if(
            events_, [last](const auto& candidate) { return candidate.first.second <= last; });
        if (event == events_.end() || event->first.first > due) break;
        const auto what = std::move(event->second);
        events_.erase(event);
        what();
    }
    arm();
}

}  // namespace relfence::board
