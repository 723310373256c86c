// SPDX-License-Identifier: MIT
#include "vhost/messages.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace relfence::vhost {
namespace {

static_assert(std::endian::native == std::endian::little);

/// A request that a front end may send, and what it looks like.
struct Row {
    Request request;
    const char* name;
    std::uint32_t smallest;
    std::uint32_t largest;
    std::size_t fewest_fds = 0;
    std::size_t most_fds = 0;
};

constexpr std::uint32_t table_head = 8;
constexpr auto table_row = static_cast<std::uint32_t>(sizeof(MemoryRegion));

constexpr std::array rows = {
    Row{Request::get_features, "VHOST_USER_GET_FEATURES", 0, 0},
    Row{Request::set_features, "VHOST_USER_SET_FEATURES", 8, 8},
    Row{Request::set_owner, "VHOST_USER_SET_OWNER", 0, 0},
    Row{Request::set_mem_table, "VHOST_USER_SET_MEM_TABLE", table_head + table_row,
        table_head + region_limit* table_row, 1, region_limit},
    Row{Request::set_vring_num, "VHOST_USER_SET_VRING_NUM", 8, 8},
    Row{Request::set_vring_addr, "VHOST_USER_SET_VRING_ADDR", sizeof(VringAddresses),
        sizeof(VringAddresses)},
    Row{Request::set_vring_base, "VHOST_USER_SET_VRING_BASE", 8, 8},
    Row{Request::get_vring_base, "VHOST_USER_GET_VRING_BASE", 8, 8},
    Row{Request::get_protocol_features, "VHOST_USER_GET_PROTOCOL_FEATURES", 0, 0},
    Row{Request::set_protocol_features, "VHOST_USER_SET_PROTOCOL_FEATURES", 8, 8},
    Row{Request::set_vring_enable, "VHOST_USER_SET_VRING_ENABLE", 8, 8},
    Row{Request::set_slave_req_fd, "VHOST_USER_SET_SLAVE_REQ_FD", 0, 0, 1, 1},
    Row{Request::get_config, "VHOST_USER_GET_CONFIG", sizeof(ConfigRange) + 1, payload_limit},
    Row{Request::vring_kick, "VHOST_USER_VRING_KICK", 8, 8},
};

const Row* row_of(std::uint32_t request) {
    const auto* const row = std::find_if(rows.begin(), rows.end(), [request](const Row& r) {
        return static_cast<std::uint32_t>(r.request) == request;
    });
    return row == rows.end() ? nullptr : row;
}

/// A refusal that names the message.
tl::unexpected<Error> refuse(const std::string& what, const Header& header) {
    return fail(what, name_of(header.request));
}

template <typename T>
T take(std::span<const std::byte> bytes, std::size_t offset = 0) {
    T value{};
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

}  // namespace

std::string name_of(std::uint32_t request) {
    const Row* const row = row_of(request);
    return row ? row->name : fmt::format("request {}", request);
}

Result<void> check_request(const Header& header) {
    const Row* const row = row_of(header.request);
    if (!row) return refuse("is no message that this device takes", header);
    if ((header.flags & flag::version_mask) != flag::version)
        return refuse(fmt::format("has flags {:#x}: not version 1", header.flags), header);
    if ((header.flags & ~(flag::version_mask | flag::need_reply)) != 0)
        return refuse(fmt::format("has flags {:#x}: a request has only 'need reply'", header.flags),
                      header);
    if (header.size < row->smallest || header.size > row->largest)
        return refuse(fmt::format("has {} bytes instead of {} to {}", header.size, row->smallest,
                                  row->largest),
                      header);
    return {};
}

Result<void> check_fds(const Header& header, std::size_t fds) {
    const Row* const row = row_of(header.request);
    if (!row) return refuse("is no message that this device takes", header);
    if (fds < row->fewest_fds || fds > row->most_fds)
        return refuse(fmt::format("has {} file descriptors instead of {} to {}", fds,
                                  row->fewest_fds, row->most_fds),
                      header);
    return {};
}

Result<void> check_call_reply(const Header& header) {
    const std::string subject = "reply to VHOST_USER_SLAVE_VRING_CALL";
    if (header.request != slave_vring_call)
        return fail(fmt::format("is one to request {}", header.request), subject);
    if (header.flags != (flag::version | flag::reply))
        return fail(fmt::format("has flags {:#x} instead of 0x5", header.flags), subject);
    if (header.size != sizeof(std::uint64_t))
        return fail(fmt::format("has {} bytes instead of 8", header.size), subject);
    return {};
}

std::uint64_t integer_of(const Message& message) {
    return take<std::uint64_t>(message.bytes());
}

VringState vring_state_of(const Message& message) {
    return take<VringState>(message.bytes());
}

VringAddresses vring_addresses_of(const Message& message) {
    return take<VringAddresses>(message.bytes());
}

Result<std::vector<MemoryRegion>> regions_of(const Message& message) {
    const auto bytes = message.bytes();
    // 32 bits of number, 32 of padding. User Mode Linux always sends room for two regions.
    const auto number = take<std::uint32_t>(bytes);
    const std::size_t room = (bytes.size() - table_head) / sizeof(MemoryRegion);
    if (number == 0 || number > room)
        return refuse(fmt::format("has {} regions in room for {}", number, room), message.header);
    if (number != message.fds.size())
        return refuse(
            fmt::format("has {} regions and {} file descriptors", number, message.fds.size()),
            message.header);
    std::vector<MemoryRegion> regions(number);
    for (std::size_t i = 0; i < regions.size(); ++i)
        regions[i] = take<MemoryRegion>(bytes, table_head + i * sizeof(MemoryRegion));
    return regions;
}

Result<ConfigRange> config_range_of(const Message& message) {
    const auto bytes = message.bytes();
    const auto range = take<ConfigRange>(bytes);
    if (range.size != bytes.size() - sizeof(ConfigRange))
        return refuse(fmt::format("asks for {} bytes in room for {}", range.size,
                                  bytes.size() - sizeof(ConfigRange)),
                      message.header);
    return range;
}

Message make_reply(Request request, std::span<const std::byte> payload) {
    Message message;
    message.header = {static_cast<std::uint32_t>(request), flag::version | flag::reply,
                      static_cast<std::uint32_t>(payload.size())};
    std::copy(payload.begin(), payload.end(), message.payload.begin());
    return message;
}

Message make_reply(std::uint32_t request, std::uint64_t integer) {
    return make_reply(Request{request}, std::as_bytes(std::span{&integer, 1}));
}

Message make_call(std::uint32_t queue) {
    Message message;
    const VringState state{queue, 0};
    message.header = {slave_vring_call, flag::version | flag::need_reply, sizeof state};
    std::memcpy(message.payload.data(), &state, sizeof state);
    return message;
}

}  // namespace relfence::vhost
