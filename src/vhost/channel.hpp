// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>

#include <relfence/base/error.hpp>
#include <relfence/base/unique_fd.hpp>

#include "vhost/messages.hpp"

namespace relfence::vhost {

/// Messages over one connected Unix stream socket, without ever blocking. Owns the socket. Not
/// thread-safe.
///
/// A message may come in pieces: what is there is kept until the rest is. Reads never go past the
/// message, so that file descriptors stay with the message that they came with.
class Channel {
  public:
    /// What may come: said about a header before its payload is read.
    using Check = Result<void> (*)(const Header&);

    /// @param socket a connected Unix stream socket @param check decides about each header
    Channel(UniqueFd socket, Check check) : socket_{std::move(socket)}, check_{check} {}

    [[nodiscard]] int fd() const { return socket_.get(); }
    /// The next message, or nothing when not all of it has come.
    /// @return what the check says; ECONNRESET when the other side closed
    [[nodiscard]] Result<std::optional<Message>> receive();
    /// Sends a message without file descriptors. @return EAGAIN when the other side does not read
    [[nodiscard]] Result<void> send(const Message& message);
    /// No more of it: fd() becomes readable and receive() says ECONNRESET.
    void shut_down();

  private:
    /// Reads up to @p size bytes of the message in all. @return whether they are there
    Result<bool> fill(std::byte* where, std::size_t have, std::size_t size);

    UniqueFd socket_;
    Check check_;
    Message message_;
    std::size_t received_ = 0;
    bool checked_ = false;
};

/// Whether @p fd is a Unix stream socket, which a Channel needs.
[[nodiscard]] bool is_stream_socket(int fd);

}  // namespace relfence::vhost
