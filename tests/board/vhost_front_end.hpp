// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <relfence/base/unique_fd.hpp>

#include "vhost/messages.hpp"
#include "vhost_guest.hpp"

namespace relfence::vhost {

[[nodiscard]] std::pair<UniqueFd, UniqueFd> socket_pair();
/// Sends bytes with file descriptors in one go.
void send_bytes(int socket, std::span<const std::byte> bytes, const std::vector<int>& fds);
/// Whether something can be read within @p milliseconds.
[[nodiscard]] bool readable(int fd, int milliseconds);

/// The driver's side as arch/um/drivers/virtio_uml.c plays it: the same messages in the same order,
/// with the same flags, and stricter about what comes back.
///
/// With @p pump the back end runs in the same thread: it is called while an answer is waited for.
class FrontEnd {
  public:
    static constexpr std::uint64_t memory_address = 0x60000000;
    static constexpr std::uint64_t memory_offset = 0x3000;
    static constexpr std::uint32_t ring_size = 16;

    FrontEnd(UniqueFd socket, std::function<void()> pump);
    /// From now on; for one that may only be called while an answer is on its way.
    void pump_with(std::function<void()> pump) { pump_ = std::move(pump); }

    /// vhost_user_init() and vu_finalize_features().
    void handshake();
    /// vu_find_vqs(): memory, then the queues, then all of them enabled.
    void find_queues(std::size_t queues);
    /// vu_del_vqs().
    void delete_queues();
    void kick(std::size_t queue);

    /// vhost_user_send(), with a reply to be waited for if that was agreed on.
    void send(Request request, std::span<const std::byte> payload,
              const std::vector<int>& fds = {});
    void send_state(Request request, std::uint32_t index, std::uint32_t value);
    void send_integer(Request request, std::uint64_t value);
    /// Only writes the message.
    void write(Request request, std::span<const std::byte> payload, bool need_reply,
               const std::vector<int>& fds = {});
    /// The next reply on the main socket; fails the test when none comes.
    std::vector<std::byte> reply(Request request, std::size_t size);
    std::uint64_t reply_integer(Request request);
    std::uint64_t ask(Request request);
    std::vector<std::byte> config(std::uint32_t offset, std::uint32_t length);
    void send_slave_socket();

    /// vu_req_read_message(): answers the calls that have come, at most @p most of them.
    /// @return the queues called
    std::vector<std::uint32_t> take_calls(std::size_t most = ~std::size_t{0});
    void answer_calls_with(std::uint64_t status) { call_status_ = status; }
    [[nodiscard]] int slave_fd() const { return slave_.get(); }
    [[nodiscard]] int fd() const { return socket_.get(); }
    [[nodiscard]] bool closed() const;
    void close() {
        slave_.reset();
        socket_.reset();
    }

    GuestRing& ring(std::size_t queue) { return rings_[queue]; }
    [[nodiscard]] std::span<std::byte> memory() const { return memory_; }
    std::uint64_t features = 0;
    std::uint64_t protocol_features = 0;

  private:
    UniqueFd socket_;
    UniqueFd slave_;
    std::function<void()> pump_;
    UniqueFd memory_file_;
    std::span<std::byte> memory_;
    std::vector<GuestRing> rings_;
    std::uint64_t call_status_ = 0;
};

}  // namespace relfence::vhost
