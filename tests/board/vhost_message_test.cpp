// SPDX-License-Identifier: MIT
// vhost-user messages on a socket: whole, in pieces, and broken in each way.
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <sys/socket.h>
#include <vector>

#include <gtest/gtest.h>

#include <relfence/base/unique_fd.hpp>

#include "vhost/channel.hpp"
#include "vhost/messages.hpp"
#include "vhost_front_end.hpp"

namespace relfence::vhost {
namespace {

class ChannelTest : public ::testing::Test {
  protected:
    ChannelTest() {
        auto [a, b] = socket_pair();
        peer = std::move(a);
        channel.emplace(std::move(b), check_request);
    }
    void send(std::uint32_t request, std::uint32_t flags, std::uint32_t size,
              const std::vector<int>& fds = {}) {
        std::vector<std::byte> bytes(sizeof(Header) + std::min<std::size_t>(size, 4096));
        const Header header{request, flags, size};
        std::memcpy(bytes.data(), &header, sizeof header);
        send_bytes(peer.get(), bytes, fds);
    }
    std::string refusal() {
        const auto message = channel->receive();
        return message ? "taken" : message.error().message();
    }

    UniqueFd peer;
    std::optional<Channel> channel;
};

TEST_F(ChannelTest, TakesAMessageInPieces) {
    std::vector<std::byte> bytes(20);
    const Header header{2, flag::version, 8};
    const std::uint64_t value = 0x0123456789abcdef;
    std::memcpy(bytes.data(), &header, sizeof header);
    std::memcpy(bytes.data() + sizeof header, &value, sizeof value);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const auto early = channel->receive();
        ASSERT_TRUE(early);
        ASSERT_FALSE(*early) << "after " << i << " bytes";
        send_bytes(peer.get(), std::span{bytes}.subspan(i, 1), {});
    }
    const auto message = channel->receive();
    ASSERT_TRUE(message && *message);
    EXPECT_EQ(integer_of(**message), value);
    EXPECT_FALSE(*channel->receive());
}

TEST_F(ChannelTest, KeepsFdsWithTheirMessage) {
    // Both messages are in the socket before the first is read.
    send(3, flag::version, 0);
    send(21, flag::version, 0, {peer.get()});
    send(3, flag::version, 0);
    EXPECT_EQ((*channel->receive())->fds.size(), 0U);
    const auto second = channel->receive();
    EXPECT_EQ((*second)->header.request, 21U);
    EXPECT_EQ((*second)->fds.size(), 1U);
    EXPECT_EQ((*channel->receive())->fds.size(), 0U);
}

TEST_F(ChannelTest, SaysWhenTheOtherSideCloses) {
    send(2, flag::version, 8);
    peer.reset();
    EXPECT_EQ(refusal(), "taken");
    const auto end = channel->receive();
    ASSERT_FALSE(end);
    EXPECT_EQ(end.error().code, ECONNRESET);
}

TEST_F(ChannelTest, SaysWhenTheOtherSideDoesNotRead) {
    Result<void> sent;
    for (int i = 0; sent && i < 100000; ++i) sent = channel->send(make_reply(1, 0));
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().code, EAGAIN);
}

TEST_F(ChannelTest, RefusesUnknownRequests) {
    send(99, flag::version, 0);
    EXPECT_EQ(refusal(), "request 99: is no message that this device takes");
}

TEST_F(ChannelTest, RefusesAnotherVersion) {
    send(2, 2, 8);
    EXPECT_EQ(refusal(), "VHOST_USER_SET_FEATURES: has flags 0x2: not version 1");
}

TEST_F(ChannelTest, RefusesARequestThatIsAReply) {
    send(2, flag::version | flag::reply, 8);
    EXPECT_EQ(refusal(), "VHOST_USER_SET_FEATURES: has flags 0x5: a request has only 'need reply'");
}

TEST_F(ChannelTest, RefusesUnknownFlags) {
    send(2, flag::version | 0x10, 8);
    EXPECT_EQ(refusal(),
              "VHOST_USER_SET_FEATURES: has flags 0x11: a request has only 'need reply'");
}

TEST_F(ChannelTest, RefusesSizesWithoutReadingThem) {
    send(2, flag::version, 7);
    EXPECT_EQ(refusal(), "VHOST_USER_SET_FEATURES: has 7 bytes instead of 8 to 8");
}

TEST_F(ChannelTest, RefusesHugeSizes) {
    send(24, flag::version, 0xffffffff);
    EXPECT_EQ(refusal(), "VHOST_USER_GET_CONFIG: has 4294967295 bytes instead of 13 to 268");
}

TEST_F(ChannelTest, RefusesMoreFdsThanAnyMessageHas) {
    send(5, flag::version, 8 + 32, std::vector<int>(fd_limit + 1, peer.get()));
    EXPECT_EQ(refusal(), "vhost-user message: came with too many file descriptors");
}

TEST(Messages, RefuseWrongNumbersOfFds) {
    const auto refusal = [](std::uint32_t request, std::size_t fds) {
        const auto checked = check_fds({request, flag::version, 0}, fds);
        return checked ? "taken" : checked.error().message();
    };
    EXPECT_EQ(refusal(21, 1), "taken");
    EXPECT_EQ(refusal(21, 0),
              "VHOST_USER_SET_SLAVE_REQ_FD: has 0 file descriptors instead of 1 to 1");
    EXPECT_EQ(refusal(21, 2),
              "VHOST_USER_SET_SLAVE_REQ_FD: has 2 file descriptors instead of 1 to 1");
    EXPECT_EQ(refusal(35, 1), "VHOST_USER_VRING_KICK: has 1 file descriptors instead of 0 to 0");
    EXPECT_EQ(refusal(5, 9), "VHOST_USER_SET_MEM_TABLE: has 9 file descriptors instead of 1 to 8");
}

TEST(Messages, RefuseBrokenMemoryTables) {
    Message message;
    message.header = {5, flag::version, 8 + 2 * 32};
    const auto regions = [&](std::uint32_t number, std::size_t fds) -> std::string {
        std::memcpy(message.payload.data(), &number, sizeof number);
        message.fds.clear();
        message.fds.resize(fds);
        const auto made = regions_of(message);
        return made ? "taken" : made.error().operation;
    };
    EXPECT_EQ(regions(2, 2), "taken");
    EXPECT_EQ(regions(1, 1), "taken") << "User Mode Linux sends room for two";
    EXPECT_EQ(regions(0, 0), "has 0 regions in room for 2");
    EXPECT_EQ(regions(3, 3), "has 3 regions in room for 2");
    EXPECT_EQ(regions(0xffffffff, 1), "has 4294967295 regions in room for 2");
    EXPECT_EQ(regions(2, 1), "has 2 regions and 1 file descriptors");
}

TEST(Messages, RefuseBrokenConfigRanges) {
    Message message;
    message.header = {24, flag::version, sizeof(ConfigRange) + 4};
    const auto range = [&](std::uint32_t length) {
        const ConfigRange wanted{0, length, 0};
        std::memcpy(message.payload.data(), &wanted, sizeof wanted);
        const auto made = config_range_of(message);
        return made ? "taken" : made.error().message();
    };
    EXPECT_EQ(range(4), "taken");
    EXPECT_EQ(range(5), "VHOST_USER_GET_CONFIG: asks for 5 bytes in room for 4");
    EXPECT_EQ(range(0), "VHOST_USER_GET_CONFIG: asks for 0 bytes in room for 4");
}

TEST(Messages, RefuseBrokenRepliesToCalls) {
    EXPECT_TRUE(check_call_reply({4, 5, 8}));
    EXPECT_FALSE(check_call_reply({2, 5, 8}));
    EXPECT_FALSE(check_call_reply({4, 1, 8}));
    EXPECT_FALSE(check_call_reply({4, 13, 8}));
    EXPECT_FALSE(check_call_reply({4, 5, 4}));
}

TEST(Messages, RepliesAreAsTheKernelInsists) {
    const Message reply = make_reply(2, 7);
    EXPECT_EQ(reply.header.request, 2U);
    EXPECT_EQ(reply.header.flags, 5U);
    EXPECT_EQ(reply.header.size, 8U);
    EXPECT_EQ(integer_of(reply), 7U);
    const Message call = make_call(1);
    EXPECT_EQ(call.header.request, 4U);
    EXPECT_EQ(call.header.flags, 9U);
    EXPECT_EQ(vring_state_of(call).index, 1U);
}

}  // namespace
}  // namespace relfence::vhost
