// SPDX-License-Identifier: MIT
// Virtual time and vhost-user together: a guest with one CPU in a thread of its own, which takes
// interrupts where the kernel does, and a device that finishes jobs later.
#include <array>
#include <atomic>
#include <cerrno>
#include <poll.h>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <relfence/board/virtual_time.hpp>

#include "vhost_front_end.hpp"
#include "virtual_time_uml.hpp"

namespace relfence::board {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using vhost::Chain;

/// A chain on queue 0 is a job; its end completes the chain. One on queue 1 is answered at once.
class JobDevice : public vhost::Device {
  public:
    [[nodiscard]] std::string_view name() const override { return "jobs"; }
    [[nodiscard]] std::size_t queues() const override { return 2; }
    void connected(vhost::Port& p) override { port = &p; }
    void on_chain(Chain chain) override {
        if (chain.queue() == 1) return port->complete(std::move(chain), 0);
        jobs.push_back(std::move(chain));
        time->at(time->now() + duration, [this] {
            log.push_back(fmt::format("{} done", time->now().count()));
            Chain job = std::move(jobs.front());
            jobs.erase(jobs.begin());
            port->complete(std::move(job), 0);
        });
    }
    void queue_reset(std::size_t) override { jobs.clear(); }
    void disconnected() override { jobs.clear(); }

    VirtualTime* time = nullptr;
    vhost::Port* port = nullptr;
    Nanoseconds duration = 16ms;
    std::vector<Chain> jobs;
    std::vector<std::string> log;
};

enum class Watching : bool { no, yes };

/// A board and a guest. The guest's code runs in a thread; the board in the test's, as run() has
/// it, until the guest is gone.
class Machine {
  public:
    explicit Machine(Watching watching = Watching::yes, std::chrono::milliseconds patience = 10s) {
        auto [uml_end, time_end] = vhost::socket_pair();
        auto [front_end, back_end] = vhost::socket_pair();
        VirtualTimeOptions options;
        options.patience = patience;
        time = std::move(*VirtualTime::adopt(std::move(time_end), options));
        endpoint = std::move(*vhost::Endpoint::adopt(std::move(back_end), device));
        if (watching == Watching::yes) time->watch(*endpoint);
        device.time = time.get();
        uml.emplace(std::move(uml_end), nullptr, [this] { await(uml->fd()); });
        front.emplace(std::move(front_end), nullptr);
    }

    /// os_poll(): waits for something on @p fd; a signal runs vu_req_interrupt_comm_handler().
    void await(int fd) {
        for (;;) {
            const int slave = takes_interrupts ? front->slave_fd() : -1;
            std::array<pollfd, 3> fds{
                {{fd, POLLIN, 0}, {slave, POLLIN, 0}, {uml->fd(), POLLIN, 0}}};
            ASSERT_GT(::poll(fds.data(), fds.size(), 10000), 0) << "no answer";
            // A signal is delivered before what came after it can be read.
            if (fds[1].revents != 0) {
                // time_travel_add_irq_event()
                taken.push_back(uml->get());
                uml->request(uml->now);
                front->take_calls(1);
            } else if (fds[0].revents != 0) {
                return;
            } else {
                uml->take_told();  // __time_travel_wait_readable()
            }
        }
    }
    void start_guest() {
        uml->start();
        front->handshake();
        front->pump_with([this] { await(front->fd()); });
        front->find_queues(2);
        uml->go_to(0ns);
    }
    void kick(std::size_t queue) {
        auto& ring = front->ring(queue);
        const auto head = static_cast<std::uint16_t>(next_head_++ % vhost::FrontEnd::ring_size);
        ring.descriptor(head, ring.data(), 16, vhost::desc_write);
        ring.make_available(head);
        uml->update(uml->now);
        front->kick(queue);
    }
    void close_guest() {
        front->close();
        uml->close();
    }
    /// Serves until the guest is gone. @return the first error
    Result<void> run(const std::function<void()>& guest) {
        std::thread thread{[&] {
            guest();
            close_guest();
        }};
        Result<void> first;
        while (time->connected() || endpoint->connected()) {
            std::array<pollfd, 2> fds{{{time->fd(), POLLIN, 0}, {endpoint->fd(), POLLIN, 0}}};
            ::poll(fds.data(), fds.size(), 10000);
            Result<void> done;
            if (fds[1].revents != 0) done = endpoint->on_readable();
            if (done && fds[0].revents != 0) done = time->on_readable();
            if (!done && first) first = done;
        }
        thread.join();
        return first;
    }

    JobDevice device;
    std::unique_ptr<VirtualTime> time;
    std::unique_ptr<vhost::Endpoint> endpoint;
    std::optional<FakeUml> uml;
    std::optional<vhost::FrontEnd> front;
    std::vector<Nanoseconds> taken;  ///< when the guest took interrupts
    std::atomic<bool> takes_interrupts = true;

  private:
    unsigned next_head_ = 0;
};

// The guest sleeps until 2 s; the interrupt must wake it at 16 ms.
TEST(VirtualTimeInterrupt, AnEventsInterruptIsTakenBeforeTimeGoesOn) {
    Machine machine;
    Nanoseconds woken{0};
    const auto run = machine.run([&] {
        machine.start_guest();
        machine.kick(0);
        machine.uml->go_to(2s);
        woken = machine.uml->now;
    });
    EXPECT_TRUE(run) << run.error().message();
    EXPECT_THAT(machine.device.log, ElementsAre("16000000 done"));
    EXPECT_THAT(machine.taken, ElementsAre(16ms));
    EXPECT_EQ(woken, 16ms);
    EXPECT_EQ(machine.endpoint->counters().calls, 1U);
}

// Two events at one time, of which the second must find the first one's interrupt taken.
TEST(VirtualTimeInterrupt, EventsAtOneTimeInterruptOneByOne) {
    Machine machine;
    const auto run = machine.run([&] {
        machine.start_guest();
        machine.kick(0);
        machine.kick(0);
        machine.uml->go_to(2s);
    });
    EXPECT_TRUE(run) << run.error().message();
    EXPECT_THAT(machine.taken, ElementsAre(16ms, 16ms));
    EXPECT_EQ(machine.endpoint->counters().merged_calls, 0U);
}

TEST(VirtualTimeInterrupt, ARequestIsAnsweredWhenItsInterruptWasTaken) {
    Machine machine;
    std::size_t taken_at_reply = 0;
    const auto run = machine.run([&] {
        machine.start_guest();
        machine.uml->go_to(5s);
        machine.kick(1);
        taken_at_reply = machine.taken.size();
    });
    EXPECT_TRUE(run) << run.error().message();
    EXPECT_EQ(taken_at_reply, 1U);
    EXPECT_THAT(machine.taken, ElementsAre(5s));
}

// The control: the same guest, which now never takes an interrupt, gets its answer only where
// nobody waits for that.
TEST(VirtualTimeInterrupt, AGuestThatTakesNoInterruptGetsNoAnswer) {
    for (const Watching watching : {Watching::yes, Watching::no}) {
        Machine machine{watching, 0ms};
        std::atomic<bool> answered = false;
        const auto run = machine.run([&] {
            machine.start_guest();
            machine.takes_interrupts = false;
            auto& ring = machine.front->ring(1);
            ring.descriptor(0, ring.data(), 16, vhost::desc_write);
            ring.make_available(0);
            const vhost::VringState state{1, 0};
            machine.front->write(vhost::Request::vring_kick, std::as_bytes(std::span{&state, 1}),
                                 true);
            pollfd poll{machine.front->fd(), POLLIN, 0};
            EXPECT_EQ(::poll(&poll, 1, 10000), 1);
            answered = !machine.front->closed();
        });
        EXPECT_EQ(answered, watching == Watching::no);
        EXPECT_EQ(run.has_value(), watching == Watching::no);
        if (!run) {
            EXPECT_EQ(run.error().code, ETIMEDOUT) << run.error().message();
        }
    }
}

TEST(VirtualTimeInterrupt, AGuestThatDiesInsteadOfTakingAnInterruptIsGone) {
    Machine machine;
    const auto run = machine.run([&] {
        machine.start_guest();
        machine.kick(0);
        machine.uml->request(2s);
        machine.uml->write(TimeOp::wait);
        pollfd poll{machine.front->slave_fd(), POLLIN, 0};
        EXPECT_EQ(::poll(&poll, 1, 10000), 1);
    });
    EXPECT_TRUE(run) << run.error().message();
    EXPECT_THAT(machine.device.log, ElementsAre("16000000 done"));
}

/// Jobs of changing length, more than one at a time, with requests that are answered at once in
/// between and a guest that runs by itself.
std::string busy_run(Watching watching) {
    Machine machine{watching};
    std::string seen;
    const auto run = machine.run([&] {
        machine.start_guest();
        for (int i = 0; i < 40; ++i) {
            machine.device.duration = std::chrono::microseconds{300 + i * 37 % 11 * 100};
            machine.kick(0);
            if (i % 3 == 0) machine.kick(1);
            machine.uml->go_to(machine.uml->now + std::chrono::microseconds{i * 53 % 7 * 100});
        }
        machine.uml->go_to(1s);
    });
    EXPECT_TRUE(run) << run.error().message();
    for (const auto& line : machine.device.log) seen += line + "\n";
    for (const auto when : machine.taken) seen += fmt::format("taken at {}\n", when.count());
    seen += fmt::format("{} calls", machine.endpoint->counters().calls);
    return seen;
}

TEST(VirtualTimeInterrupt, RunsAreTheSame) {
    const std::string first = busy_run(Watching::yes);
    EXPECT_THAT(first, testing::HasSubstr("taken at"));
    for (int i = 0; i < 50; ++i) ASSERT_EQ(busy_run(Watching::yes), first) << "run " << i;
}

}  // namespace
}  // namespace relfence::board
