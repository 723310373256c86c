// SPDX-License-Identifier: MIT
// An endpoint with a front end that behaves as virtio_uml.c does: handshake, chains, calls, guests
// that come and go, and what it must not do: wait for a guest that waits for it.
#include <atomic>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <string>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <relfence/vhost/endpoint.hpp>

#include "vhost_front_end.hpp"

namespace relfence::vhost {
namespace {

/// Queue 0 answers with what it was asked, at once; queue 1 keeps its chains until told.
class EchoDevice : public Device {
  public:
    [[nodiscard]] std::string_view name() const override { return "echo"; }
    [[nodiscard]] std::uint64_t features() const override { return feature_indirect | 1; }
    [[nodiscard]] std::size_t queues() const override { return 2; }
    [[nodiscard]] std::span<const std::byte> config() const override { return config_; }
    void connected(Port& p) override {
        port = &p;
        ++guests;
    }
    void on_chain(Chain chain) override {
        if (chain.queue() == 1) {
            kept.push_back(std::move(chain));
            return;
        }
        std::vector<std::byte> bytes(chain.readable_size());
        chain.read(bytes);
        const std::size_t written = chain.write(bytes);
        port->complete(std::move(chain), written, how);
    }
    void queue_reset(std::size_t queue) override {
        if (queue == 1) kept.clear();
        ++resets;
    }
    void disconnected() override { kept.clear(); }

    void complete_kept(std::string_view text) {
        Chain chain = std::move(kept.front());
        kept.erase(kept.begin());
        const std::size_t written = chain.write(std::as_bytes(std::span{text}));
        port->complete(std::move(chain), written);
    }

    Port* port = nullptr;
    std::vector<Chain> kept;
    Notify how = Notify::call;
    int guests = 0;
    int resets = 0;

  private:
    std::array<std::byte, 8> config_{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4},
                                     std::byte{5}, std::byte{6}, std::byte{7}, std::byte{8}};
};

class EndpointTest : public ::testing::Test {
  protected:
    EndpointTest() : EndpointTest(socket_pair()) {}
    explicit EndpointTest(std::pair<UniqueFd, UniqueFd> sockets)
        : guest{std::move(sockets.first), [this] { pump(); }} {
        auto made = Endpoint::adopt(std::move(sockets.second), device);
        EXPECT_TRUE(made);
        endpoint = std::move(*made);
    }
    /// Serves as a loop would: as long as the endpoint says that something is there.
    void pump() {
        for (int i = 0; i < 100 && readable(endpoint->fd(), 0); ++i) {
            last = endpoint->on_readable();
            if (!last) return;
        }
    }
    void start() {
        guest.handshake();
        guest.find_queues(2);
        ASSERT_TRUE(last) << last.error().message();
    }
    /// A command that comes with a kick: the first of a burst.
    void kick_once() {
        ask(0, "kick", 4);
        guest.kick(0);
    }
    /// Puts a request of @p text and room for @p room bytes into a queue.
    void ask(std::size_t queue, std::string_view text, std::uint32_t room) {
        GuestRing& ring = guest.ring(queue);
        std::memcpy(ring.bytes(ring.data(), text.size()).data(), text.data(), text.size());
        ring.descriptor(0, ring.data(), static_cast<std::uint32_t>(text.size()), desc_next, 1);
        ring.descriptor(1, ring.data(0x100), room, desc_write);
        ring.make_available(0);
    }
    void offer(std::size_t queue, std::uint16_t head) {
        GuestRing& ring = guest.ring(queue);
        ring.descriptor(head, ring.data(0x100UL * head), 0x10, desc_write);
        ring.make_available(head);
    }
    std::string answer(std::size_t queue, std::size_t length) {
        GuestRing& ring = guest.ring(queue);
        const auto bytes = ring.bytes(ring.data(0x100), length);
        return {reinterpret_cast<const char*>(bytes.data()), length};
    }
    void expect_sent_away(const std::string& why) {
        pump();
        ASSERT_FALSE(last) << "the guest was not sent away";
        EXPECT_EQ(last.error().message(), why);
        EXPECT_FALSE(endpoint->connected());
        EXPECT_TRUE(guest.closed());
    }

    EchoDevice device;
    std::unique_ptr<Endpoint> endpoint;
    FrontEnd guest;
    Result<void> last;
};

TEST_F(EndpointTest, HandshakesAsTheKernelDoes) {
    start();
    EXPECT_EQ(guest.features, feature_version_1 | feature_protocol_features | feature_indirect | 1);
    EXPECT_EQ(guest.protocol_features, protocol_feature::reply_ack | protocol_feature::slave_req |
                                           protocol_feature::config |
                                           protocol_feature::inband_notifications);
    EXPECT_NE(endpoint->memory(), nullptr);
}

TEST_F(EndpointTest, ReadsTheConfiguration) {
    start();
    const auto bytes = guest.config(2, 4);
    ASSERT_EQ(bytes.size(), 4U);
    EXPECT_EQ(bytes[0], std::byte{3});
    EXPECT_EQ(bytes[3], std::byte{6});
}

TEST_F(EndpointTest, EchoesAndCallsBeforeTheKickIsAnswered) {
    start();
    ask(0, "hello", 16);
    const VringState state{0, 0};
    guest.write(Request::vring_kick, std::as_bytes(std::span{&state, 1}), true);
    // One request taken by hand: the call must be in its socket when the answer is.
    ASSERT_TRUE(endpoint->on_readable());
    EXPECT_TRUE(readable(guest.slave_fd(), 0));
    EXPECT_EQ(guest.reply_integer(Request::vring_kick), 0U);
    EXPECT_EQ(guest.ring(0).used_index(), 1);
    EXPECT_EQ(guest.ring(0).used(0).length, 5U);
    EXPECT_EQ(answer(0, 5), "hello");
    EXPECT_TRUE(endpoint->calling());
    EXPECT_EQ(guest.take_calls(), std::vector<std::uint32_t>{0});
    pump();
    EXPECT_FALSE(endpoint->calling());
}

TEST_F(EndpointTest, CompletesQuietlyAndCallsLater) {
    start();
    device.how = Notify::quiet;
    ask(0, "x", 1);
    guest.kick(0);
    EXPECT_EQ(guest.ring(0).used_index(), 1);
    EXPECT_TRUE(guest.take_calls().empty());
    endpoint->call(0);
    EXPECT_EQ(guest.take_calls(), std::vector<std::uint32_t>{0});
}

/// In a burst of commands the guest is told that it need not kick, and what it makes available is
/// found all the same.
TEST_F(EndpointTest, LooksAtAQueueAfterAKick) {
    endpoint->look_at_queues(std::chrono::hours{1});
    start();
    EXPECT_FALSE(guest.ring(0).no_kicks());
    EXPECT_EQ(endpoint->look(), false);
    kick_once();
    EXPECT_EQ(guest.ring(0).used_index(), 1);
    EXPECT_TRUE(guest.ring(0).no_kicks());
    EXPECT_FALSE(guest.ring(1).no_kicks()) << "another queue had no kick";
    for (std::uint16_t i = 2; i < 50; ++i) {
        ask(0, "look", 4);
        const auto again = endpoint->look();
        ASSERT_TRUE(again) << again.error().message();
        EXPECT_EQ(guest.ring(0).used_index(), i);
        EXPECT_EQ(answer(0, 4), "look");
        // It ends early where the machine is busy: then a kick is wanted, and only then.
        ASSERT_EQ(guest.ring(0).no_kicks(), *again);
        if (!*again) break;
    }
    guest.delete_queues();
    EXPECT_FALSE(guest.ring(0).no_kicks());
    EXPECT_EQ(endpoint->look(), false);
}

/// Longer than a look may come late, see session.cpp.
constexpr std::chrono::milliseconds late{2};

/// Who lost its processor to the guest wants kicks for a while: a guest that waits sleeps then.
TEST_F(EndpointTest, WantsKicksAfterALateLook) {
    endpoint->look_at_queues(std::chrono::hours{1});
    start();
    kick_once();
    ASSERT_TRUE(guest.ring(0).no_kicks());
    std::this_thread::sleep_for(late);
    EXPECT_EQ(endpoint->look(), false);
    EXPECT_FALSE(guest.ring(0).no_kicks());
    kick_once();
    EXPECT_FALSE(guest.ring(0).no_kicks()) << "it rests";
}

/// Unless it knows that the two are on processors of their own.
TEST_F(EndpointTest, LooksOnAfterALateLookWhereThatIsNoHarm) {
    bool harmless = true;
    endpoint->look_at_queues(std::chrono::hours{1}, [&] { return harmless; });
    start();
    kick_once();
    std::this_thread::sleep_for(late);
    EXPECT_EQ(endpoint->look(), true);
    EXPECT_TRUE(guest.ring(0).no_kicks());
    harmless = false;
    std::this_thread::sleep_for(late);
    EXPECT_EQ(endpoint->look(), false);
    EXPECT_FALSE(guest.ring(0).no_kicks());
}

/// What comes at the very end of a burst comes without a kick too.
TEST_F(EndpointTest, TakesWhatCameBeforeItWantsKicksAgain) {
    endpoint->look_at_queues(std::chrono::nanoseconds{1});
    start();
    kick_once();
    ASSERT_TRUE(guest.ring(0).no_kicks());
    ask(0, "last", 4);
    while (endpoint->look() == true) {
    }
    EXPECT_FALSE(guest.ring(0).no_kicks());
    EXPECT_EQ(guest.ring(0).used_index(), 2);
    EXPECT_EQ(answer(0, 4), "last");
}

/// The default: every command comes with a kick.
TEST_F(EndpointTest, WantsKicksUnlessAskedToLook) {
    start();
    kick_once();
    EXPECT_FALSE(guest.ring(0).no_kicks());
    ask(0, "lost", 4);
    EXPECT_EQ(endpoint->look(), false);
    EXPECT_EQ(guest.ring(0).used_index(), 1);
}

TEST_F(EndpointTest, SendsAGuestAwayWhoseChainIsBrokenWithoutAKick) {
    endpoint->look_at_queues(std::chrono::hours{1});
    start();
    kick_once();
    guest.ring(0).make_available(FrontEnd::ring_size);
    EXPECT_FALSE(endpoint->look());
    EXPECT_FALSE(endpoint->connected());
    EXPECT_EQ(endpoint->look(), false);
}

/// What another endpoint's guest did first can be done first.
TEST_F(EndpointTest, TellsOfARequestBeforeItCarriesItOut) {
    start();
    std::uint16_t used = 99;
    endpoint->before_request([&] { used = guest.ring(0).used_index(); });
    kick_once();
    EXPECT_EQ(used, 0);
    EXPECT_EQ(guest.ring(0).used_index(), 1);
}

TEST_F(EndpointTest, DoesNotCallWhoWantsNoCall) {
    start();
    guest.ring(0).want_no_call(true);
    ask(0, "x", 1);
    guest.kick(0);
    EXPECT_EQ(guest.ring(0).used_index(), 1);
    EXPECT_TRUE(guest.take_calls().empty());
}

TEST_F(EndpointTest, CompletesKeptChainsLaterInAnyOrder) {
    start();
    offer(1, 3);
    offer(1, 4);
    guest.kick(1);
    ASSERT_EQ(device.kept.size(), 2U);
    EXPECT_EQ(guest.ring(1).used_index(), 0);
    std::swap(device.kept[0], device.kept[1]);
    device.complete_kept("late");
    EXPECT_EQ(guest.ring(1).used_index(), 1);
    EXPECT_EQ(guest.ring(1).used(0).id, 4U);
    EXPECT_EQ(guest.take_calls(), std::vector<std::uint32_t>{1});
}

TEST_F(EndpointTest, MergesCallsThatAreNotAnsweredAndLosesNone) {
    // A guest that looks at its ring, then finds the answer to a second completion missing, would
    // wait for ever: hantro's watchdog.
    start();
    for (std::uint16_t head = 0; head < 3; ++head) offer(1, head);
    guest.kick(1);
    for (int i = 0; i < 3; ++i) device.complete_kept("x");
    EXPECT_EQ(endpoint->counters().calls, 1U);
    EXPECT_EQ(endpoint->counters().merged_calls, 2U);
    EXPECT_EQ(guest.take_calls(), std::vector<std::uint32_t>{1});
    pump();
    EXPECT_TRUE(endpoint->calling()) << "for what came after the first call was sent";
    EXPECT_EQ(guest.take_calls(), std::vector<std::uint32_t>{1});
    pump();
    EXPECT_FALSE(endpoint->calling());
    EXPECT_TRUE(guest.take_calls().empty());
}

TEST_F(EndpointTest, AnswersRequestsWhileACallIsUnanswered) {
    // A guest with one CPU that is in the middle of a request takes no interrupt. Waiting for the
    // answer to the call here would be the end.
    start();
    offer(1, 0);
    guest.kick(1);
    device.complete_kept("irq");
    ASSERT_TRUE(endpoint->calling());
    for (int i = 0; i < 50; ++i) {
        ask(0, "read", 8);
        guest.kick(0);  // fails the test when no answer comes
        ASSERT_EQ(guest.ring(0).used_index(), i + 1);
        ASSERT_TRUE(endpoint->calling());
    }
    const auto calls = guest.take_calls();
    EXPECT_EQ(calls.size(), 2U) << "one per queue, none lost";
}

TEST_F(EndpointTest, CountsCallsThatTheGuestRefuses) {
    start();
    guest.answer_calls_with(1);
    ask(0, "x", 1);
    guest.kick(0);
    (void)guest.take_calls();
    pump();
    EXPECT_TRUE(last);
    EXPECT_FALSE(endpoint->calling());
    EXPECT_EQ(endpoint->counters().refused_calls, 1U);
}

TEST_F(EndpointTest, HoldsCompletionsWhileAQueueIsDisabled) {
    // virtio_uml_suspend(): the ring is not touched, and goes on where it was.
    start();
    offer(1, 2);
    guest.kick(1);
    guest.send_state(Request::set_vring_enable, 1, 0);
    device.complete_kept("held");
    EXPECT_EQ(guest.ring(1).used_index(), 0) << "a disabled ring was written to";
    EXPECT_TRUE(guest.take_calls().empty());
    guest.send_state(Request::set_vring_enable, 1, 1);
    EXPECT_EQ(guest.ring(1).used_index(), 1);
    EXPECT_EQ(guest.take_calls(), std::vector<std::uint32_t>{1});
}

TEST_F(EndpointTest, ServesWhatCameWhileAQueueWasDisabled) {
    start();
    guest.send_state(Request::set_vring_enable, 0, 0);
    ask(0, "wait", 8);
    guest.kick(0);
    EXPECT_EQ(guest.ring(0).used_index(), 0);
    guest.send_state(Request::set_vring_enable, 0, 1);
    EXPECT_EQ(guest.ring(0).used_index(), 1);
}

TEST_F(EndpointTest, StartsQueuesAnewAfterAnUnbind) {
    start();
    offer(1, 0);
    guest.kick(1);
    Chain old = std::move(device.kept.front());
    guest.delete_queues();
    guest.find_queues(2);
    EXPECT_EQ(device.resets, 2);
    EXPECT_TRUE(device.kept.empty());
    offer(1, 0);
    guest.kick(1);
    // The new chain has the same head; the old one must not complete it.
    endpoint->complete(std::move(old), 0, Notify::call);
    EXPECT_EQ(guest.ring(1).used_index(), 0);
    EXPECT_EQ(endpoint->counters().stale_completions, 1U);
    device.complete_kept("new");
    EXPECT_EQ(guest.ring(1).used_index(), 1);
}

TEST_F(EndpointTest, GivesTheVringBase) {
    start();
    ask(0, "x", 1);
    guest.kick(0);
    const VringState state{0, 0};
    guest.write(Request::get_vring_base, std::as_bytes(std::span{&state, 1}), false);
    const auto bytes = guest.reply(Request::get_vring_base, sizeof state);
    VringState base;
    std::memcpy(&base, bytes.data(), sizeof base);
    EXPECT_EQ(base.value, 1U);
}

TEST_F(EndpointTest, IgnoresGoneGuests) {
    start();
    offer(1, 0);
    guest.kick(1);
    Chain kept = std::move(device.kept.front());
    guest.close();
    pump();
    EXPECT_TRUE(last) << "a guest may go: " << last.error().message();
    EXPECT_FALSE(endpoint->connected());
    EXPECT_FALSE(endpoint->calling());
    // The memory is still there for who holds a chain.
    EXPECT_EQ(kept.write(std::as_bytes(std::span{"late", 4})), 4U);
    endpoint->complete(std::move(kept), 4, Notify::call);
    EXPECT_EQ(endpoint->counters().stale_completions, 1U);
}

TEST_F(EndpointTest, AGuestThatGoesDuringACallLeavesNothingBehind) {
    start();
    offer(1, 0);
    guest.kick(1);
    device.complete_kept("x");
    EXPECT_TRUE(endpoint->calling());
    guest.close();
    pump();
    EXPECT_TRUE(last);
    EXPECT_FALSE(endpoint->calling());
}

TEST_F(EndpointTest, ACallToAGuestThatJustWentDoesNoHarm) {
    start();
    offer(1, 0);
    guest.kick(1);
    guest.close();
    device.complete_kept("x");  // before the loop saw that it went
    pump();
    EXPECT_TRUE(last);
    EXPECT_FALSE(endpoint->connected());
}

// What a front end must not do.

TEST_F(EndpointTest, RefusesFeaturesThatWereNotOffered) {
    guest.handshake();
    const std::uint64_t value = guest.features | (1ULL << 33);
    guest.write(Request::set_features, std::as_bytes(std::span{&value, 1}), true);
    expect_sent_away("VHOST_USER_SET_FEATURES: has features 0x200000000 that were not offered");
}

TEST_F(EndpointTest, RefusesOldVirtio) {
    guest.handshake();
    const std::uint64_t value = guest.features & ~feature_version_1;
    guest.write(Request::set_features, std::as_bytes(std::span{&value, 1}), true);
    expect_sent_away("VHOST_USER_SET_FEATURES: is without VIRTIO_F_VERSION_1");
}

TEST_F(EndpointTest, RefusesAFrontEndWithoutInbandNotifications) {
    const std::uint64_t value = protocol_feature::reply_ack | protocol_feature::slave_req;
    guest.write(Request::set_protocol_features, std::as_bytes(std::span{&value, 1}), true);
    expect_sent_away(
        "VHOST_USER_SET_PROTOCOL_FEATURES: has features 0x28 "
        "(REPLY_ACK, SLAVE_REQ and INBAND_NOTIFICATIONS are required)");
}

TEST_F(EndpointTest, RefusesQueuesThatAreNotThere) {
    start();
    const VringState state{2, 0};
    guest.write(Request::vring_kick, std::as_bytes(std::span{&state, 1}), true);
    expect_sent_away("VHOST_USER_VRING_KICK: is about queue 2 of 2");
}

TEST_F(EndpointTest, RefusesToEnableWithoutASlaveSocket) {
    const VringState state{0, 1};
    guest.write(Request::set_vring_enable, std::as_bytes(std::span{&state, 1}), false);
    expect_sent_away("VHOST_USER_SET_VRING_ENABLE: comes before VHOST_USER_SET_SLAVE_REQ_FD");
}

TEST_F(EndpointTest, RefusesToEnableWithoutMemory) {
    guest.handshake();
    guest.send_state(Request::set_vring_num, 0, 8);
    const VringState state{0, 1};
    guest.write(Request::set_vring_enable, std::as_bytes(std::span{&state, 1}), true);
    expect_sent_away("VHOST_USER_SET_VRING_ENABLE: is refused (queue 0: has no memory table)");
}

TEST_F(EndpointTest, RefusesToMoveARunningQueue) {
    start();
    const VringState state{0, 8};
    guest.write(Request::set_vring_num, std::as_bytes(std::span{&state, 1}), true);
    expect_sent_away("VHOST_USER_SET_VRING_NUM: comes while the queue is enabled");
}

TEST_F(EndpointTest, RefusesNewMemoryUnderRunningQueues) {
    start();
    struct {
        std::uint32_t number = 1, padding = 0;
        MemoryRegion region{};
    } table;
    guest.write(Request::set_mem_table, std::as_bytes(std::span{&table, 1}), true, {guest.fd()});
    expect_sent_away("VHOST_USER_SET_MEM_TABLE: comes while a queue is enabled");
}

TEST_F(EndpointTest, RefusesMemoryThatCannotBeMapped) {
    guest.handshake();
    struct {
        std::uint32_t number = 1, padding = 0;
        MemoryRegion region{0x1000, 0x1000, 0x1000, 0};
    } table;
    guest.write(Request::set_mem_table, std::as_bytes(std::span{&table, 1}), true, {guest.fd()});
    expect_sent_away(
        "VHOST_USER_SET_MEM_TABLE: is refused (memory region of 0x1000 bytes at 0x1000: is longer "
        "than its file)");
}

TEST_F(EndpointTest, RefusesASlaveSocketThatIsNone) {
    const std::uint64_t value = protocol_feature::reply_ack | protocol_feature::slave_req |
                                protocol_feature::inband_notifications;
    guest.write(Request::set_protocol_features, std::as_bytes(std::span{&value, 1}), true);
    (void)guest.reply_integer(Request::set_protocol_features);
    const UniqueFd file{::memfd_create("none", MFD_CLOEXEC)};
    guest.write(Request::set_slave_req_fd, {}, true, {file.get()});
    expect_sent_away("VHOST_USER_SET_SLAVE_REQ_FD: has no Unix stream socket");
}

TEST_F(EndpointTest, RefusesToReadBeyondTheConfiguration) {
    guest.handshake();
    std::vector<std::byte> payload(sizeof(ConfigRange) + 9);
    const ConfigRange range{0, 9, 0};
    std::memcpy(payload.data(), &range, sizeof range);
    guest.write(Request::get_config, payload, false);
    expect_sent_away("VHOST_USER_GET_CONFIG: asks for 9 bytes at 0 of 8");
}

TEST_F(EndpointTest, RefusesAConfigOffsetThatWraps) {
    guest.handshake();
    std::vector<std::byte> payload(sizeof(ConfigRange) + 4);
    const ConfigRange range{0xfffffffe, 4, 0};
    std::memcpy(payload.data(), &range, sizeof range);
    guest.write(Request::get_config, payload, false);
    expect_sent_away("VHOST_USER_GET_CONFIG: asks for 4 bytes at 4294967294 of 8");
}

TEST_F(EndpointTest, SendsAGuestWithABrokenChainAway) {
    start();
    GuestRing& ring = guest.ring(0);
    ring.descriptor(0, ring.data(), 0);
    ring.make_available(0);
    const VringState state{0, 0};
    guest.write(Request::vring_kick, std::as_bytes(std::span{&state, 1}), true);
    expect_sent_away("descriptor 0 of chain 0 of queue 0: has no bytes");
}

TEST_F(EndpointTest, RefusesAnswersToNoCall) {
    start();
    struct {
        Header header{4, 5, 8};
        std::array<std::uint32_t, 2> payload{};
    } reply;
    send_bytes(guest.slave_fd(), std::as_bytes(std::span{&reply, 1}), {});
    expect_sent_away("reply to VHOST_USER_SLAVE_VRING_CALL: was not asked for");
}

// Sockets in the file system.

class ListenTest : public ::testing::Test {
  protected:
    ListenTest()
        : folder_{std::filesystem::temp_directory_path() /
                  fmt::format("relfence-vhost-test-{}", ::getpid())} {
        std::filesystem::create_directory(folder_);
    }
    ~ListenTest() override { std::filesystem::remove_all(folder_); }
    [[nodiscard]] std::string path() const { return folder_ / "socket"; }
    [[nodiscard]] UniqueFd connect() const {
        UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path().c_str(), sizeof address.sun_path - 1);
        EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        return fd;
    }

    EchoDevice device;

  private:
    std::filesystem::path folder_;
};

TEST_F(ListenTest, ServesOneGuestAfterTheOther) {
    auto endpoint = Endpoint::listen(path(), device);
    ASSERT_TRUE(endpoint);
    const auto pump = [&] {
        while (readable((*endpoint)->fd(), 0)) (void)(*endpoint)->on_readable();
    };
    for (int i = 1; i <= 3; ++i) {
        FrontEnd guest{connect(), pump};
        guest.handshake();
        guest.find_queues(2);
        EXPECT_EQ(device.guests, i);
        EXPECT_EQ((*endpoint)->peer(), ::getpid());
        guest.ring(0).descriptor(0, guest.ring(0).data(), 1);
        guest.ring(0).make_available(0);
        guest.kick(0);
        EXPECT_EQ(guest.ring(0).used_index(), 1);
        if (i == 2) {  // a guest that is sent away
            guest.write(Request{77}, {}, false);
            EXPECT_FALSE((*endpoint)->on_readable());
        }
        guest.close();
        pump();
        EXPECT_FALSE((*endpoint)->connected());
        EXPECT_EQ((*endpoint)->peer(), 0);
    }
    EXPECT_EQ((*endpoint)->counters().guests, 3U);
}

TEST_F(ListenTest, ASecondGuestWaitsForItsTurn) {
    auto endpoint = Endpoint::listen(path(), device);
    ASSERT_TRUE(endpoint);
    const auto pump = [&] {
        while (readable((*endpoint)->fd(), 0)) (void)(*endpoint)->on_readable();
    };
    FrontEnd first{connect(), pump};
    first.handshake();
    FrontEnd second{connect(), pump};
    pump();
    EXPECT_EQ(device.guests, 1);
    first.close();
    pump();
    EXPECT_EQ(device.guests, 2);
    second.handshake();
}

TEST_F(ListenTest, SaysThatASocketIsInUse) {
    const auto first = Endpoint::listen(path(), device);
    ASSERT_TRUE(first);
    const auto second = Endpoint::listen(path(), device);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, EADDRINUSE);
    EXPECT_EQ(second.error().subject, path());
}

TEST_F(ListenTest, DoesNotReplaceAFileThatIsNoSocket) {
    ::close(::creat(path().c_str(), 0600));
    const auto endpoint = Endpoint::listen(path(), device);
    ASSERT_FALSE(endpoint);
    EXPECT_EQ(endpoint.error().code, EADDRINUSE);
    EXPECT_TRUE(std::filesystem::exists(path()));
}

TEST_F(ListenTest, ReplacesASocketWhoseOwnerDied) {
    {
        UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path().c_str(), sizeof address.sun_path - 1);
        ASSERT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }
    EXPECT_TRUE(Endpoint::listen(path(), device));
    EXPECT_FALSE(std::filesystem::exists(path())) << "removed with the endpoint";
}

TEST_F(ListenTest, SaysThatAPathCannotBe) {
    EXPECT_EQ(Endpoint::listen(std::string(200, 'x'), device).error().code, ENAMETOOLONG);
    EXPECT_EQ(Endpoint::listen("/no/such/folder/socket", device).error().code, ENOENT);
}

// A guest in a thread of its own, as real ones are.

/// A guest with one CPU and two devices: it does reads on the bus, and takes the interrupts of the
/// other device only between two of them. @return interrupts that it saw complete
int run_guest(FrontEnd& bus, FrontEnd& gpio, int reads) {
    int interrupts = 0;
    std::uint16_t seen = 0;
    for (int i = 0; i < reads; ++i) {
        GuestRing& ring = bus.ring(0);
        ring.descriptor(0, ring.data(), 4, desc_next, 1);
        ring.descriptor(1, ring.data(0x100), 4, desc_write);
        ring.make_available(0);
        bus.kick(0);
        while (ring.used_index() != static_cast<std::uint16_t>(i + 1)) std::this_thread::yield();
        (void)bus.take_calls();
        if (!gpio.take_calls().empty()) {
            for (; seen != gpio.ring(1).used_index(); ++seen) {
                ++interrupts;
                gpio.ring(1).make_available(static_cast<std::uint16_t>(gpio.ring(1).used(seen).id));
                gpio.kick(1);
            }
        }
    }
    return interrupts;
}

TEST(ServeUntilCalled, AnswersAGuestThatIsInTheMiddleOfARequest) {
    EchoDevice bus_device;
    EchoDevice gpio_device;
    auto bus_sockets = socket_pair();
    auto gpio_sockets = socket_pair();
    auto bus = Endpoint::adopt(std::move(bus_sockets.second), bus_device);
    auto gpio = Endpoint::adopt(std::move(gpio_sockets.second), gpio_device);
    ASSERT_TRUE(bus && gpio);
    constexpr int reads = 3000;
    std::atomic<bool> ended{false};
    int interrupts = 0;
    std::thread guest{[&, bus_socket = std::move(bus_sockets.first),
                       gpio_socket = std::move(gpio_sockets.first)]() mutable {
        FrontEnd bus_driver{std::move(bus_socket), nullptr};
        FrontEnd gpio_driver{std::move(gpio_socket), nullptr};
        bus_driver.handshake();
        bus_driver.find_queues(2);
        gpio_driver.handshake();
        gpio_driver.find_queues(2);
        gpio_driver.ring(1).descriptor(0, gpio_driver.ring(1).data(), 1, desc_write);
        gpio_driver.ring(1).make_available(0);
        gpio_driver.kick(1);
        interrupts = run_guest(bus_driver, gpio_driver, reads);
        ended = true;
    }};
    const std::array endpoints{bus->get(), gpio->get()};
    int raised = 0;
    while (!ended) {
        std::array<pollfd, 2> fds{pollfd{(*bus)->fd(), POLLIN, 0},
                                  pollfd{(*gpio)->fd(), POLLIN, 0}};
        ::poll(fds.data(), fds.size(), 10);
        for (Endpoint* endpoint : endpoints) {
            const auto served = endpoint->on_readable();
            ASSERT_TRUE(served) << served.error().message();
        }
        if (gpio_device.kept.empty() || !(*gpio)->connected()) continue;
        gpio_device.complete_kept("i");
        ++raised;
        const auto called = serve_until_called(endpoints, std::chrono::seconds{20});
        ASSERT_TRUE(called) << called.error().message();
        ASSERT_FALSE((*gpio)->calling());
    }
    guest.join();
    EXPECT_GT(raised, 10);
    EXPECT_GE(raised, interrupts);
    EXPECT_LE(raised, interrupts + 1) << "the last one may come when the guest has ended";
}

TEST(ServeUntilCalled, GivesUpOnAGuestThatDoesNotAnswer) {
    EchoDevice device;
    auto sockets = socket_pair();
    auto endpoint = Endpoint::adopt(std::move(sockets.second), device);
    ASSERT_TRUE(endpoint);
    FrontEnd guest{std::move(sockets.first), [&] { (void)(*endpoint)->on_readable(); }};
    guest.handshake();
    guest.find_queues(2);
    guest.ring(1).descriptor(0, guest.ring(1).data(), 1, desc_write);
    guest.ring(1).make_available(0);
    guest.kick(1);
    device.complete_kept("i");
    const std::array endpoints{endpoint->get()};
    const auto called = serve_until_called(endpoints, std::chrono::milliseconds{1});
    ASSERT_FALSE(called);
    EXPECT_EQ(called.error().code, ETIMEDOUT);
    (void)guest.take_calls();
    EXPECT_TRUE(serve_until_called(endpoints, std::chrono::milliseconds{1000}));
}

}  // namespace
}  // namespace relfence::vhost
