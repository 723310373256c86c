// SPDX-License-Identifier: MIT
// A front end that sends anything: messages whole and in pieces, with file descriptors of any kind,
// between changes of the memory that it shares, and a device that completes now or later.
//
// Input: records of one byte "what", one byte "length", then that many bytes:
//   0      bytes for the main socket; the high nibble of "what" is the kind of file descriptor that
//          comes along: 0 none, 1 memory, 2 a slave socket, 3 something else, 4 two of memory
//   1      bytes for the slave socket: answers to calls
//   2      two bytes of offset in the shared memory, and what is written there
//   3      the device completes a chain that it kept, in the length's turn
//   4      the front end closes the slave socket
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <relfence/base/unique_fd.hpp>
#include <relfence/vhost/endpoint.hpp>

namespace {

using relfence::UniqueFd;
using relfence::vhost::Chain;
using relfence::vhost::Device;
using relfence::vhost::Endpoint;
using relfence::vhost::Port;

constexpr std::size_t memory_size = 0x10000;

void require(bool holds) {
    if (!holds) std::abort();
}

class Keeper : public Device {
  public:
    [[nodiscard]] std::string_view name() const override { return "keeper"; }
    [[nodiscard]] std::uint64_t features() const override { return 1ULL << 28; }
    [[nodiscard]] std::size_t queues() const override { return 2; }
    [[nodiscard]] std::span<const std::byte> config() const override { return config_; }
    void connected(Port& port) override { port_ = &port; }
    void on_chain(Chain chain) override {
        std::vector<std::byte> bytes(std::min<std::size_t>(chain.readable_size(), 4096));
        chain.read(bytes);
        if (chain.queue() == 1)
            kept_.push_back(std::move(chain));
        else
            finish(std::move(chain), bytes);
    }
    void queue_reset(std::size_t) override {}  // a device that forgets to drop its chains
    void disconnected() override {}
    void complete_one(std::size_t which) {
        if (kept_.empty()) return;
        const auto at = kept_.begin() + static_cast<std::ptrdiff_t>(which % kept_.size());
        Chain chain = std::move(*at);
        kept_.erase(at);
        finish(std::move(chain), config_);
    }

  private:
    void finish(Chain chain, std::span<const std::byte> bytes) {
        const std::size_t written = chain.write(bytes);
        port_->complete(std::move(chain), written);
    }
    Port* port_ = nullptr;
    std::vector<Chain> kept_;
    std::array<std::byte, 8> config_{};
};

/// What lives as long as the process: making it anew for each input would be most of the time.
struct Shared {
    UniqueFd file{::memfd_create("fuzz", MFD_CLOEXEC)};
    std::span<std::byte> bytes;
    Shared() {
        require(::ftruncate(file.get(), memory_size) == 0);
        void* const base =
            ::mmap(nullptr, memory_size, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
        require(base != MAP_FAILED);
        bytes = {static_cast<std::byte*>(base), memory_size};
    }
};

std::pair<UniqueFd, UniqueFd> socket_pair() {
    std::array<int, 2> fds{-1, -1};
    require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds.data()) == 0);
    return {UniqueFd{fds[0]}, UniqueFd{fds[1]}};
}

void send(int socket, std::span<const std::uint8_t> bytes, std::span<const int> fds) {
    iovec part{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
    alignas(cmsghdr) std::array<std::byte, 64> control{};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (!fds.empty()) {
        header.msg_control = control.data();
        header.msg_controllen = CMSG_SPACE(fds.size_bytes());
        cmsghdr* const rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(fds.size_bytes());
        std::memcpy(CMSG_DATA(rights), fds.data(), fds.size_bytes());
    }
    (void)::sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void drain(int socket) {
    std::array<std::byte, 4096> bytes;
    while (::recv(socket, bytes.data(), bytes.size(), MSG_DONTWAIT) > 0) continue;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Shared shared;
    std::fill(shared.bytes.begin(), shared.bytes.end(), std::byte{0});
    Keeper device;
    auto [guest, ours] = socket_pair();
    auto [slave, theirs] = socket_pair();
    auto endpoint = Endpoint::adopt(std::move(ours), device);
    require(endpoint.has_value());
    std::span<const std::uint8_t> rest{data, size};
    while (rest.size() >= 2 && (*endpoint)->connected()) {
        const unsigned what = rest[0] & 0xfU;
        const unsigned kind = rest[0] >> 4U;
        const std::size_t length = std::min<std::size_t>(rest[1], rest.size() - 2);
        const auto bytes = rest.subspan(2, length);
        rest = rest.subspan(2 + length);
        const std::array memory{shared.file.get(), shared.file.get()};
        const std::array socket{theirs.get()};
        const std::array other{guest.get()};
        if (what == 0 && !bytes.empty()) {
            std::span<const int> fds;
            if (kind == 1) fds = std::span{memory}.first(1);
            if (kind == 2) fds = socket;
            if (kind == 3) fds = other;
            if (kind == 4) fds = memory;
            send(guest.get(), bytes, fds);
        } else if (what == 1 && slave.valid()) {
            send(slave.get(), bytes, {});
        } else if (what == 2 && length >= 2) {
            const std::size_t at = bytes[0] | static_cast<std::size_t>(bytes[1]) << 8U;
            std::memcpy(shared.bytes.data() + at, bytes.data() + 2,
                        std::min(length - 2, memory_size - at));
        } else if (what == 3) {
            device.complete_one(length);
        } else if (what == 4) {
            slave.reset();
        }
        for (int i = 0; i < 4; ++i) {
            const auto served = (*endpoint)->on_readable();
            require(served.has_value() || !served.error().message().empty());
        }
        drain(guest.get());
    }
    guest.reset();
    (void)(*endpoint)->on_readable();
    require(!(*endpoint)->calling() || (*endpoint)->connected());
    return 0;
}
