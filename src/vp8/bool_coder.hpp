// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "vp8/tables.hpp"

namespace relfence::vp8 {

/// How far a range has to be shifted until its top bit is set again.
[[nodiscard]] inline unsigned shift_of(std::uint32_t range) {
    return static_cast<unsigned>(std::countl_zero(range)) - 24U;
}

/// Reads what a BoolEncoder wrote. RFC 6386, section 7.
///
/// Can start anywhere in the middle, from the state that another decoder had there: that is how the
/// hardware takes over from the driver. Beyond the end come zeros, see truncated(). The bytes are
/// borrowed.
class BoolDecoder {
  public:
    /// What a decoder carries from one bool to the next.
    struct State {
        std::uint8_t range = 255;  ///< 128 to 255
        std::uint8_t value = 0;    ///< the 8 bits that are compared, below range
        std::size_t next_bit = 8;  ///< of the bytes: the first that `value` has not taken in
    };

    /// At the start of a partition.
    explicit BoolDecoder(std::span<const std::uint8_t> bytes)
        : BoolDecoder{bytes, {255, bytes.empty() ? std::uint8_t{0} : bytes[0], 8}} {}
    BoolDecoder(std::span<const std::uint8_t> bytes, const State& state)
        : bytes_{bytes}, next_{state.next_bit / 8}, range_{state.range} {
        value_ = std::uint64_t{state.value} << 56U;
        if (const auto used = static_cast<unsigned>(state.next_bit % 8); used != 0) {
            if (next_ < bytes_.size())
                value_ |= std::uint64_t{static_cast<std::uint8_t>(bytes_[next_] << used)} << 48U;
            bits_ = next_ < bytes_.size() ? 8 - static_cast<int>(used) : -1;
            ++next_;
        }
    }

    [[nodiscard]] bool read(Probability probability) {
        const std::uint32_t split = 1 + (((range_ - 1) * probability) >> 8U);
        if (bits_ < 0) fill();
        const std::uint64_t wide = std::uint64_t{split} << 56U;
        const bool bit = value_ >= wide;
        range_ = bit ? range_ - split : split;
        value_ -= bit ? wide : 0;
        const unsigned shift = shift_of(range_);
        range_ <<= shift;
        value_ <<= shift;
        bits_ -= static_cast<int>(shift);
        return bit;
    }
    [[nodiscard]] bool flag() { return read(128); }
    /// @p width bits, the highest first.
    [[nodiscard]] unsigned literal(unsigned width) {
        unsigned value = 0;
        for (unsigned i = 0; i < width; ++i) value = value << 1U | (flag() ? 1U : 0U);
        return value;
    }

    [[nodiscard]] std::uint32_t range() const { return range_; }
    /// Bits that were needed lay beyond the end.
    [[nodiscard]] bool truncated() const { return truncated_; }
    /// For another decoder of the same bytes, unless truncated().
    [[nodiscard]] std::span<const std::uint8_t> bytes() const { return bytes_; }
    [[nodiscard]] State state() {
        if (bits_ < 0) load();
        return {static_cast<std::uint8_t>(range_), static_cast<std::uint8_t>(value_ >> 56U),
                static_cast<std::size_t>(static_cast<std::ptrdiff_t>(next_ * 8) - bits_)};
    }

  private:
    void load() {
        for (; bits_ <= 48 && next_ < bytes_.size(); bits_ += 8)
            value_ |= std::uint64_t{bytes_[next_++]} << static_cast<unsigned>(48 - bits_);
    }
    void fill() {
        load();
        if (bits_ >= 0) return;
        // Not all of the bits that are compared are there. Zeros follow without end.
        truncated_ = true;
        bits_ = plenty;
    }

    static constexpr int plenty = 1 << 30;
    std::span<const std::uint8_t> bytes_;
    std::size_t next_;         // byte
    std::uint64_t value_ = 0;  // the highest 8 bits are compared, then come bits_ more
    int bits_ = 0;
    std::uint32_t range_;
    bool truncated_ = false;
};

/// Writes bools so that a BoolDecoder reads them back. RFC 6386, section 7.
class BoolEncoder {
  public:
    /// Appends to @p bytes, borrowed. They are complete after finish() or splice().
    explicit BoolEncoder(std::vector<std::uint8_t>& bytes) : bytes_{bytes}, begin_{bytes.size()} {}

    void write(bool bit, Probability probability) {
        const std::uint32_t split = 1 + (((range_ - 1) * probability) >> 8U);
        low_ += bit ? split : 0;
        range_ = bit ? range_ - split : split;
        const unsigned shift = shift_of(range_);
        range_ <<= shift;
        low_ <<= shift;
        bits_ += shift;
        if (bits_ >= 40) put(4);
    }
    void flag(bool bit) { write(bit, 128); }
    /// The lowest @p width bits of @p value, the highest first.
    void literal(unsigned value, unsigned width) {
        while (width-- > 0) flag((value >> width & 1U) != 0);
    }
    /// A magnitude of @p width bits and a sign, after a flag that they are there.
    void optional_signed(int value, unsigned width) {
        flag(true);
        literal(static_cast<unsigned>(value < 0 ? -value : value), width);
        flag(value < 0);
    }

    [[nodiscard]] std::uint32_t range() const { return range_; }
    /// Writes out what is pending. Nothing may be written after it.
    void finish() {
        for (; bits_ % 8 != 0; ++bits_) low_ <<= 1U;
        put(bits_ / 8 + 1);
    }
    /// Lets all that @p from has still to read follow as it is, and ends. Possible when both have
    /// the same range: from there on the same bools have the same bounds in both codes, so that the
    /// rest of one is the rest of the other, added to what lies below.
    void splice(BoolDecoder& from) {
        const BoolDecoder::State state = from.state();
        const std::span<const std::uint8_t> rest = from.bytes();
        const auto byte = [&](std::size_t at) { return at < rest.size() ? rest[at] : 0U; };
        low_ += state.value;
        std::size_t next = state.next_bit;
        for (; bits_ % 8 != 0; ++bits_, ++next)
            low_ = low_ << 1U | (byte(next / 8) >> (7 - next % 8) & 1U);
        put(bits_ / 8 + 1);
        const auto used = static_cast<unsigned>(next % 8);
        for (std::size_t at = next / 8; at < rest.size(); ++at)
            bytes_.push_back(
                static_cast<std::uint8_t>(byte(at) << used | byte(at + 1) >> (8 - used)));
    }

  private:
    /// Moves the highest @p count bytes, which no later bool changes but for a carry.
    void put(unsigned count) {
        const std::uint64_t out = low_ >> (bits_ + 8 - 8 * count);
        if (out >> (8 * count) != 0)
            for (std::size_t i = bytes_.size(); i > begin_ && ++bytes_[i - 1] == 0;) --i;
        for (unsigned i = count; i-- > 0;)
            bytes_.push_back(static_cast<std::uint8_t>(out >> (8 * i)));
        bits_ -= 8 * count;
        low_ &= (std::uint64_t{1} << (bits_ + 8)) - 1;
    }

    std::vector<std::uint8_t>& bytes_;
    std::size_t begin_;
    std::uint64_t low_ = 0;  // carry, then bits_ + 8 bits
    unsigned bits_ = 0;
    std::uint32_t range_ = 255;
};

}  // namespace relfence::vp8
