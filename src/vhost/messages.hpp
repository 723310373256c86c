// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/base/unique_fd.hpp>

/// The wire format of vhost-user (docs/interop/vhost-user.rst of QEMU), as far as
/// arch/um/drivers/vhost_user.h speaks it. Little endian, as the machine is.
namespace relfence::vhost {

enum class Request : std::uint32_t {
    get_features = 1,
    set_features = 2,
    set_owner = 3,
    set_mem_table = 5,
    set_vring_num = 8,
    set_vring_addr = 9,
    set_vring_base = 10,
    get_vring_base = 11,
    get_protocol_features = 15,
    set_protocol_features = 16,
    set_vring_enable = 18,
    set_slave_req_fd = 21,
    get_config = 24,
    vring_kick = 35,
};
/// The device's own request on the slave request socket.
constexpr std::uint32_t slave_vring_call = 4;

namespace flag {
constexpr std::uint32_t version = 1;
constexpr std::uint32_t version_mask = 3;
constexpr std::uint32_t reply = 4;
constexpr std::uint32_t need_reply = 8;
}  // namespace flag

namespace protocol_feature {
constexpr std::uint64_t reply_ack = 1U << 3;
constexpr std::uint64_t slave_req = 1U << 5;
constexpr std::uint64_t config = 1U << 9;
constexpr std::uint64_t inband_notifications = 1U << 14;
}  // namespace protocol_feature

/// VHOST_USER_F_PROTOCOL_FEATURES, a bit of the virtio features.
constexpr std::uint64_t feature_protocol_features = 1ULL << 30;
constexpr std::uint64_t feature_indirect = 1ULL << 28;
constexpr std::uint64_t feature_version_1 = 1ULL << 32;

struct Header {
    std::uint32_t request = 0;
    std::uint32_t flags = 0;
    std::uint32_t size = 0;  ///< of the payload
};
static_assert(sizeof(Header) == 12);

struct VringState {
    std::uint32_t index = 0;
    std::uint32_t value = 0;
};
struct VringAddresses {
    std::uint32_t index = 0;
    std::uint32_t flags = 0;
    std::uint64_t descriptors = 0;
    std::uint64_t used = 0;
    std::uint64_t available = 0;
    std::uint64_t log = 0;
};
static_assert(sizeof(VringAddresses) == 40);
struct MemoryRegion {
    std::uint64_t guest_address = 0;
    std::uint64_t size = 0;
    std::uint64_t user_address = 0;
    std::uint64_t offset = 0;
};
struct ConfigRange {
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
    std::uint32_t flags = 0;
};

constexpr std::size_t region_limit = 8;
constexpr std::size_t config_limit = 256;
constexpr std::size_t fd_limit = region_limit;
constexpr std::size_t payload_limit = sizeof(ConfigRange) + config_limit;
static_assert(payload_limit >= 8 + region_limit * sizeof(MemoryRegion));

/// A message as it came or goes.
struct Message {
    Header header;
    std::array<std::byte, payload_limit> payload{};
    std::vector<UniqueFd> fds;

    [[nodiscard]] std::span<const std::byte> bytes() const {
        return std::span{payload}.first(header.size);
    }
};

/// "VHOST_USER_SET_FEATURES", or "request 99".
[[nodiscard]] std::string name_of(std::uint32_t request);

/// Whether a front end may send this header: known request, version 1, no reply, a size that the
/// request can have. @return an error that names the message
[[nodiscard]] Result<void> check_request(const Header& header);
/// Whether a request that check_request() let pass came with as many file descriptors as it must.
[[nodiscard]] Result<void> check_fds(const Header& header, std::size_t fds);
/// Whether a guest may send this header as the answer to a call.
[[nodiscard]] Result<void> check_call_reply(const Header& header);

/// Payloads of messages that were checked.
[[nodiscard]] std::uint64_t integer_of(const Message& message);
[[nodiscard]] VringState vring_state_of(const Message& message);
[[nodiscard]] VringAddresses vring_addresses_of(const Message& message);
/// @return an error when the number of regions is none, or not that of file descriptors, or more
///         than the message has room for
[[nodiscard]] Result<std::vector<MemoryRegion>> regions_of(const Message& message);
/// @return an error when the message does not have the room that it asks for, or asks for nothing
[[nodiscard]] Result<ConfigRange> config_range_of(const Message& message);

/// An answer: flags are exactly version and reply, as virtio_uml.c insists.
[[nodiscard]] Message make_reply(Request request, std::span<const std::byte> payload);
[[nodiscard]] Message make_reply(std::uint32_t request, std::uint64_t integer);
/// VHOST_USER_SLAVE_VRING_CALL that wants an answer.
[[nodiscard]] Message make_call(std::uint32_t queue);

}  // namespace relfence::vhost
