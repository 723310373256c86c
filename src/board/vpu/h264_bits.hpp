// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace relfence::board::vpu {

/// Reads the bits of a raw byte sequence payload. Past its end it reads zeros and says so, since a
/// stream may end anywhere: check failed() once after a header. Not thread-safe.
class BitReader {
  public:
    /// @param bytes without emulation prevention; outlives the reader
    explicit BitReader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

    /// u(n) of H.264 7.2, @p count up to 32.
    std::uint32_t bits(unsigned count);
    bool flag() { return bits(1) != 0; }
    /// Exp-Golomb codes of H.264 9.1.
    std::uint32_t golomb();
    std::int32_t signed_golomb();
    void skip(std::size_t count) { position_ += count; }

    [[nodiscard]] std::size_t position() const { return position_; }
    [[nodiscard]] std::size_t size() const { return bytes_.size() * 8; }
    /// A read went past the end, or a number was no Exp-Golomb code.
    [[nodiscard]] bool failed() const { return bad_ || position_ > size(); }

  private:
    std::span<const std::uint8_t> bytes_;
    std::size_t position_ = 0;
    bool bad_ = false;
};

/// Collects bits to a byte sequence. Not thread-safe.
class BitWriter {
  public:
    void bits(std::uint32_t value, unsigned count);
    void flag(bool value) { bits(value ? 1 : 0, 1); }
    void golomb(std::uint32_t value);
    void signed_golomb(std::int32_t value);
    /// Bits @p from (inclusive) to @p to of @p bytes.
    void copy(std::span<const std::uint8_t> bytes, std::size_t from, std::size_t to);
    /// Ones up to the next byte: cabac_alignment_one_bit.
    void align_with_ones();
    /// rbsp_trailing_bits.
    void trailing();
    [[nodiscard]] bool aligned() const { return filled_ == 0; }
    /// The bytes so far, the last one filled up with zeros. Empties the writer.
    [[nodiscard]] std::vector<std::uint8_t> take();

  private:
    std::vector<std::uint8_t> bytes_;
    std::uint64_t open_ = 0;  ///< bits of the byte that is not complete
    unsigned filled_ = 0;     ///< how many, 0 to 7
};

/// The NAL units of a byte stream (H.264 annex B), without start codes and trailing zeros.
[[nodiscard]] std::vector<std::span<const std::uint8_t>> split_nal_units(
    std::span<const std::uint8_t> stream);
/// Takes the emulation prevention bytes out of a NAL unit.
[[nodiscard]] std::vector<std::uint8_t> unescape(std::span<const std::uint8_t> nal);
/// Appends a NAL unit to a byte stream: start code, @p header, @p payload with emulation
/// prevention.
/// @param header the byte with nal_ref_idc and nal_unit_type
void append_nal(std::vector<std::uint8_t>& stream, std::uint8_t header,
                std::span<const std::uint8_t> payload);

}  // namespace relfence::board::vpu
