// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace relfence::lab {

/// What the lab and relfence-init say to each other over the guest's serial line.
///
/// A serial line has no end of file and no second stream, so stdin, stdout, stderr, signals and
/// the exit status travel as frames: one byte of kind, four bytes of length (little endian), the
/// payload. The line is raw on both sides, so that every byte value passes.
enum class FrameKind : std::uint8_t {
    // guest to host
    hello = 'H',     ///< the guest is up and starts the command; no payload
    output = 'O',    ///< bytes of the command's stdout (or of its pty)
    error = 'E',     ///< bytes of the command's stderr
    consumed = 'A',  ///< u32: so many bytes of stdin reached the command; the host may send more
    exited = 'X',    ///< u32: wait status of the command
    failed = 'F',    ///< text: relfence-init could not set up or start the command
    // host to guest
    input = 'I',      ///< bytes for the command's stdin
    input_end = 'Z',  ///< end of the command's stdin
    signal = 'S',     ///< u32: signal for the command's process group
    resize = 'W',     ///< two u32: rows and columns of the command's pty
};

/// Bytes of stdin in one frame. The host sends the next frame only when all of the last one has
/// been consumed: so relfence-init, which keeps the rest, goes on reading the line however slowly
/// the command reads, and signals pass. And the guest's tty, which holds 4096 bytes, is never
/// throttled: UML 6.12 can miss that its line is readable again after it was, and then sleeps for
/// ever (seen with 64 KiB in flight).
inline constexpr std::size_t input_window = 3000;
/// The largest payload that either side sends.
inline constexpr std::size_t largest_payload = 64 * 1024;

struct Frame {
    FrameKind kind;
    std::string payload;
};

/// Bytes on the wire of one frame. @param payload at most largest_payload bytes
[[nodiscard]] std::string encode_frame(FrameKind kind, std::string_view payload = {});
/// A frame with one number.
[[nodiscard]] std::string encode_frame(FrameKind kind, std::uint32_t number);
/// A frame with two numbers.
[[nodiscard]] std::string encode_frame(FrameKind kind, std::uint32_t first, std::uint32_t second);
/// The number at @p index of a payload of numbers, or nothing if the payload is shorter.
[[nodiscard]] std::optional<std::uint32_t> frame_number(const Frame& frame, std::size_t index = 0);

/// Cuts a byte stream into frames. The peer is not trusted: an unknown kind or a length over
/// largest_payload puts the reader in a broken state for good, it never guesses. Not thread-safe.
class FrameReader {
  public:
    void feed(std::string_view bytes);
    /// The next complete frame, or nothing when more bytes are needed or the stream is broken.
    [[nodiscard]] std::optional<Frame> next();
    [[nodiscard]] bool broken() const { return broken_; }

  private:
    std::string pending_;
    std::size_t start_ = 0;  ///< first byte of pending_ that is not yet consumed
    bool broken_ = false;
};

}  // namespace relfence::lab
