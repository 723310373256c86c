// SPDX-License-Identifier: MIT
// The calendar of virtual time with a guest on a socket pair: its protocol, whose turn it is, and
// guests that break its rules.
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <relfence/board/virtual_time.hpp>

#include "virtual_time_uml.hpp"

namespace relfence::board {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

std::pair<UniqueFd, UniqueFd> socket_pair() {
    std::array<int, 2> fds{-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
    return {UniqueFd{fds[0]}, UniqueFd{fds[1]}};
}

bool readable(int fd) {
    pollfd poll{fd, POLLIN, 0};
    return ::poll(&poll, 1, 0) == 1;
}

class VirtualTimeTest : public ::testing::Test {
  protected:
    VirtualTimeTest() : VirtualTimeTest(socket_pair()) {}
    explicit VirtualTimeTest(std::pair<UniqueFd, UniqueFd> sockets)
        : uml{std::move(sockets.first), [this] { pump(); }} {
        auto made = VirtualTime::adopt(std::move(sockets.second), options());
        EXPECT_TRUE(made);
        time = std::move(*made);
    }
    /// What is not answered at once never is: so nothing here depends on a time.
    static VirtualTimeOptions options() {
        VirtualTimeOptions options;
        options.patience = 0ms;
        return options;
    }
    void pump() {
        while (last && time->connected() && readable(time->fd())) last = time->on_readable();
    }
    Timeline::Id note_at(Nanoseconds when, const std::string& what) {
        return time->at(
            when, [this, what] { log.push_back(fmt::format("{} {}", time->now().count(), what)); });
    }
    /// The guest's first turn, from which on it may run by itself.
    void start() {
        uml.start();
        uml.go_to(0ns);
    }
    void expect_sent_away(const std::string& why) {
        pump();
        ASSERT_FALSE(last) << "the guest was not sent away";
        EXPECT_EQ(last.error().message(), why);
        EXPECT_FALSE(time->connected());
        EXPECT_TRUE(uml.closed() || readable(uml.fd()));
    }

    Result<void> last;
    std::unique_ptr<VirtualTime> time;
    FakeUml uml;
    std::vector<std::string> log;
};

// 6.12 uses both descriptors of the ACK without looking whether they came; and shared memory of a
// version that it knows would make it wait for a calendar that uses it.
TEST_F(VirtualTimeTest, StartIsAnsweredWithTwoFilesThatOfferNoSharedMemory) {
    const auto fds = uml.start();
    ASSERT_EQ(fds.size(), 2U);
    struct stat status {};
    ASSERT_EQ(::fstat(fds[0].get(), &status), 0);
    EXPECT_EQ(status.st_size, 4096) << "the guest maps the header";
    std::uint32_t version = 1;
    ASSERT_EQ(::pread(fds[0].get(), &version, sizeof version, 0), 4);
    EXPECT_EQ(version, 0U);
    EXPECT_EQ(::fcntl(fds[1].get(), F_GETFD) & ~FD_CLOEXEC, 0);
}

TEST_F(VirtualTimeTest, TimeOfDayIsTheSameInEachRun) {
    uml.start();
    EXPECT_EQ(uml.ask(TimeOp::get_time_of_day), 1'735'689'600'000'000'000U);
    uml.go_to(3s);
    EXPECT_EQ(uml.ask(TimeOp::get_time_of_day), 1'735'689'603'000'000'000U);
    EXPECT_EQ(uml.get(), 3s);
}

TEST_F(VirtualTimeTest, AGuestAloneRunsAheadWithoutAsking) {
    start();
    EXPECT_EQ(uml.now, 0ns);
    EXPECT_EQ(uml.free_until, forever);
    const int asked = uml.asked;
    uml.go_to(10s);
    uml.go_to(20s);
    EXPECT_EQ(uml.asked, asked);
    uml.update(20s);
    EXPECT_EQ(time->now(), 20s);
}

TEST_F(VirtualTimeTest, DeviceEventsComeInTheirOrderAndBeforeTheGuestsTurn) {
    start();
    note_at(16ms, "b");
    note_at(2ms, "a");
    note_at(16ms, "c");
    note_at(17ms, "later");
    uml.take_told();
    uml.take_told();
    uml.go_to(16ms);
    EXPECT_THAT(log, ElementsAre("2000000 a", "16000000 b", "16000000 c"));
    EXPECT_EQ(uml.now, 16ms);
    EXPECT_EQ(uml.free_until, 17ms) << "it must not run past the next one";
    EXPECT_TRUE(last);
}

// A guest that may run until 10 s and starts a job of 16 ms must not see its watchdog's 2 s before
// the job's end.
TEST_F(VirtualTimeTest, AnEventThatIsAskedForShortensTheGuestsRun) {
    start();
    note_at(10s, "late");
    uml.take_told();
    uml.update(1s);
    note_at(1s + 16ms, "job done");
    ASSERT_FALSE(time->settle()) << "the guest does not know yet";
    EXPECT_EQ(time->settle().error().code, ETIMEDOUT);
    uml.take_told();
    EXPECT_TRUE(time->settle());
    EXPECT_EQ(uml.free_until, 1s + 16ms);
    note_at(3s, "no news");
    EXPECT_TRUE(time->settle());
    uml.go_to(1s + 2s);
    EXPECT_THAT(log, ElementsAre("1016000000 job done", "3000000000 no news"));
}

TEST_F(VirtualTimeTest, WhatIsOverCountsAsNow) {
    start();
    uml.update(5s);
    note_at(1s, "over");
    uml.take_told();
    uml.go_to(6s);
    EXPECT_THAT(log, ElementsAre("5000000000 over"));
}

TEST_F(VirtualTimeTest, AnEventMayAskForAnotherAtTheSameTimeAndCancelOne) {
    start();
    const auto never = note_at(2ms, "never");
    time->at(1ms, [&] {
        time->cancel(never);
        note_at(time->now(), "at once");
        note_at(4ms, "after the turn");
    });
    uml.take_told();
    uml.take_told();
    uml.go_to(3ms);
    EXPECT_THAT(log, ElementsAre("1000000 at once"));
    EXPECT_EQ(uml.free_until, 4ms);
    time->cancel(never);
}

TEST_F(VirtualTimeTest, AComputationIsDoneBeforeItReturns) {
    time->compute([&] { log.emplace_back("work"); }, [&] { log.emplace_back("done"); });
    EXPECT_THAT(log, ElementsAre("work", "done"));
}

TEST_F(VirtualTimeTest, ASplitMessageIsOne) {
    uml.start();
    const TimeMessage get{TimeOp::get, 9, 0};
    std::array<std::byte, sizeof get> bytes;
    std::memcpy(bytes.data(), &get, sizeof get);
    for (const std::byte byte : bytes) {
        EXPECT_FALSE(readable(uml.fd()));
        ASSERT_EQ(::send(uml.fd(), &byte, 1, 0), 1);
        pump();
    }
    EXPECT_TRUE(readable(uml.fd()));
    EXPECT_TRUE(last);
}

TEST_F(VirtualTimeTest, AGuestThatGoesInMidRunIsNoErrorAndTakesItsEventsAlong) {
    start();
    note_at(1ms, "never");
    uml.close();
    pump();
    EXPECT_TRUE(last) << last.error().message();
    EXPECT_FALSE(time->connected());
    EXPECT_TRUE(log.empty());
    EXPECT_TRUE(time->settle()) << "there is nobody to wait for";
}

TEST_F(VirtualTimeTest, AGuestThatSleepsForEverIsToldSo) {
    start();
    uml.write(TimeOp::request, static_cast<std::uint64_t>(forever.count()));
    uml.write(TimeOp::wait);
    expect_sent_away("the guest: sleeps for ever, and no device has anything to do");
}

TEST_F(VirtualTimeTest, AGuestThatSleepsForEverWaitsForADevice) {
    start();
    time->at(1h, [this] { note_at(2h, "wakes nobody"); });
    uml.take_told();
    uml.write(TimeOp::request, static_cast<std::uint64_t>(forever.count()));
    uml.write(TimeOp::wait);
    pump();
    EXPECT_THAT(log, ElementsAre("7200000000000 wakes nobody"));
    EXPECT_FALSE(last);
}

struct Breach {
    const char* name;
    std::function<void(FakeUml&)> commit;
    const char* why;
};

class Breaches : public VirtualTimeTest, public testing::WithParamInterface<Breach> {};

// Each would make two runs differ, hang, or move a time that devices rely on.
TEST_P(Breaches, SendTheGuestAwayWithTheRule) {
    start();
    uml.update(1s);
    note_at(2s, "event");
    uml.take_told();
    GetParam().commit(uml);
    expect_sent_away(GetParam().why);
    EXPECT_TRUE(log.empty());
}

constexpr std::uint64_t second = 1'000'000'000;

INSTANTIATE_TEST_SUITE_P(
    VirtualTimeTest, Breaches,
    testing::Values(
        Breach{"StartTwice", [](FakeUml& uml) { uml.write(TimeOp::start); },
               "time-travel START: comes twice"},
        Breach{"WaitTwice",
               [](FakeUml& uml) {
                   uml.write(TimeOp::request, second);
                   uml.write(TimeOp::wait);
                   uml.write(TimeOp::wait);
               },
               "time-travel WAIT: comes while the guest waits"},
        Breach{"WaitWithoutRequest", [](FakeUml& uml) { uml.write(TimeOp::wait); },
               "time-travel WAIT: comes without a REQUEST"},
        Breach{"RequestInThePast", [](FakeUml& uml) { uml.write(TimeOp::request, second - 1); },
               "time-travel REQUEST: is for 999999999 ns, in the past at 1000000000 ns"},
        Breach{"RequestBeyondTime",
               [](FakeUml& uml) { uml.write(TimeOp::request, ~std::uint64_t{0}); },
               "time-travel REQUEST: is for -1 ns, in the past at 1000000000 ns"},
        Breach{"WaitForThePast",
               [](FakeUml& uml) {
                   uml.write(TimeOp::request, second);
                   uml.write(TimeOp::update, second + 1);
                   uml.write(TimeOp::wait);
               },
               "time-travel WAIT: is for 1000000000 ns, in the past at 1000000001 ns"},
        Breach{"TimeGoesBackwards", [](FakeUml& uml) { uml.write(TimeOp::update, second - 1); },
               "time-travel UPDATE: is to 999999999 ns: it is 1000000000 ns, and the guest may run "
               "until 2000000000 ns"},
        Breach{
            "RunsPastADeviceEvent", [](FakeUml& uml) { uml.write(TimeOp::update, 2 * second); },
            "time-travel UPDATE: is to 2000000000 ns: it is 1000000000 ns, and the guest may run "
            "until 2000000000 ns"},
        Breach{"UpdateWhileItWaits",
               [](FakeUml& uml) {
                   uml.write(TimeOp::request, second);
                   uml.write(TimeOp::wait);
                   uml.write(TimeOp::update, second);
               },
               "time-travel UPDATE: comes while the guest waits"},
        Breach{"AckOfNothing", [](FakeUml& uml) { uml.write(TimeOp::ack, 0, 1); },
               "time-travel ACK: was not asked for"},
        Breach{"TheCalendarsPart", [](FakeUml& uml) { uml.write(TimeOp::run, second); },
               "time-travel RUN: is nothing that a guest says"},
        Breach{"UnknownOperation", [](FakeUml& uml) { uml.write(TimeOp{77}); },
               "time-travel operation 77: is nothing that a guest says"},
        Breach{"HalfAMessage",
               [](FakeUml& uml) {
                   EXPECT_EQ(::send(uml.fd(), "1234567", 7, 0), 7);
                   ::shutdown(uml.fd(), SHUT_WR);
               },
               "time-travel message: ends after 7 of 16 bytes"}),
    [](const auto& breach) { return breach.param.name; });

TEST_F(VirtualTimeTest, NothingComesBeforeStart) {
    uml.write(TimeOp::get);
    expect_sent_away("time-travel GET: comes before START");
}

TEST_F(VirtualTimeTest, AnAckOfSomethingElseIsRefused) {
    start();
    note_at(1s, "event");
    uml.write(TimeOp::ack, 0, 77);
    expect_sent_away("time-travel ACK: is for message 77, which was 3");
}

class VirtualTimeSocket : public ::testing::Test {
  protected:
    VirtualTimeSocket() { EXPECT_NE(::mkdtemp(directory.data()), nullptr); }
    ~VirtualTimeSocket() override { ::rmdir(directory.c_str()); }
    [[nodiscard]] UniqueFd connect() const {
        UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path().c_str(), sizeof address.sun_path - 1);
        EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        return fd;
    }
    [[nodiscard]] std::string path() const { return directory + "/time"; }
    std::string directory = testing::TempDir() + "relfence-time-XXXXXX";
};

TEST_F(VirtualTimeSocket, EachGuestBeginsAtZeroWithNothingLeftOfTheLast) {
    auto time = VirtualTime::listen(path());
    ASSERT_TRUE(time) << time.error().message();
    EXPECT_EQ((*time)->kernel_option(), "time-travel=ext:1:" + path());
    int events = 0;
    for (int guest = 0; guest < 3; ++guest) {
        FakeUml uml{connect(), [&] {
                        while (readable((*time)->fd())) ASSERT_TRUE((*time)->on_readable());
                    }};
        uml.start();
        EXPECT_TRUE((*time)->connected());
        EXPECT_EQ((*time)->now(), 0ns);
        uml.go_to(5s);
        (*time)->at(6s, [&] { ++events; });
        uml.take_told();
        uml.close();
        while (readable((*time)->fd())) ASSERT_TRUE((*time)->on_readable());
        EXPECT_FALSE((*time)->connected());
        // What a device asks for when it sees its guest gone.
        (*time)->at(0s, [&] { ++events; });
    }
    EXPECT_EQ(events, 0);
}

TEST_F(VirtualTimeSocket, ASocketInUseIsAnError) {
    const auto time = VirtualTime::listen(path());
    ASSERT_TRUE(time);
    const auto other = VirtualTime::listen(path());
    ASSERT_FALSE(other);
    EXPECT_THAT(other.error().message(), HasSubstr("Address already in use"));
}

}  // namespace
}  // namespace relfence::board
