// SPDX-License-Identifier: MIT
#include "board/vpu/h264_bits.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace relfence::board::vpu {

std::uint32_t BitReader::bits(unsigned count) {
    std::uint64_t value = 0;
    for (unsigned left = count; left > 0;) {
        const std::size_t byte = position_ / 8;
        const auto offset = static_cast<unsigned>(position_ % 8);
        const unsigned take = std::min(left, 8 - offset);
        const unsigned whole = byte < bytes_.size() ? bytes_[byte] : 0U;
        value = value << take | ((whole >> (8 - offset - take)) & ((1U << take) - 1));
        position_ += take;
        left -= take;
    }
    return static_cast<std::uint32_t>(value);
}

std::uint32_t BitReader::golomb() {
    unsigned zeros = 0;
    while (!flag()) {
        // 32 zeros and more make no number of the standard; so does the end of the data.
        if (++zeros > 31 || failed()) {
            bad_ = true;
            return 0;
        }
    }
    return (1U << zeros) - 1 + bits(zeros);
}

std::int32_t BitReader::signed_golomb() {
    const std::uint32_t code = golomb();
    const auto half = static_cast<std::int32_t>((std::uint64_t{code} + 1) / 2);
    return (code & 1) != 0 ? half : -half;
}

void BitWriter::bits(std::uint32_t value, unsigned count) {
    const std::uint64_t mask = (std::uint64_t{1} << count) - 1;
    open_ = open_ << count | (value & mask);
    filled_ += count;
    while (filled_ >= 8) {
        filled_ -= 8;
        bytes_.push_back(static_cast<std::uint8_t>(open_ >> filled_));
    }
    open_ &= (1U << filled_) - 1;
}

void BitWriter::golomb(std::uint32_t value) {
    const std::uint64_t code = std::uint64_t{value} + 1;
    const auto length = static_cast<unsigned>(std::bit_width(code));
    bits(0, length - 1);
    if (length > 32) bits(1, 1);
    bits(static_cast<std::uint32_t>(code), std::min(length, 32U));
}

void BitWriter::signed_golomb(std::int32_t value) {
    const std::int64_t wide = value;
    golomb(static_cast<std::uint32_t>(wide > 0 ? 2 * wide - 1 : -2 * wide));
}

void BitWriter::copy(std::span<const std::uint8_t> bytes, std::size_t from, std::size_t to) {
    const auto one_by_one = [&](std::size_t end) {
        for (; from < end; ++from) bits(std::uint32_t{bytes[from / 8]} >> (7 - from % 8), 1);
    };
    one_by_one(std::min(to, (from + 7) / 8 * 8));
    if (from >= to) return;
    const std::size_t whole = (to - from) / 8;
    const auto source = bytes.subspan(from / 8, whole);
    if (filled_ == 0) {
        bytes_.insert(bytes_.end(), source.begin(), source.end());
    } else {
        // The bulk of a CAVLC slice comes through here: one shift per byte.
        const std::size_t begin = bytes_.size();
        bytes_.resize(begin + whole);
        const unsigned shift = filled_;
        auto carry = static_cast<unsigned>(open_);
        for (std::size_t i = 0; i < whole; ++i) {
            carry = carry << 8 | source[i];
            bytes_[begin + i] = static_cast<std::uint8_t>(carry >> shift);
            carry &= (1U << shift) - 1;
        }
        open_ = carry;
    }
    from += whole * 8;
    one_by_one(to);
}

void BitWriter::align_with_ones() {
    while (filled_ != 0) bits(1, 1);
}

void BitWriter::trailing() {
    bits(1, 1);
    if (filled_ != 0) bits(0, 8 - filled_);
}

std::vector<std::uint8_t> BitWriter::take() {
    if (filled_ != 0) bits(0, 8 - filled_);
    return std::move(bytes_);
}

std::vector<std::span<const std::uint8_t>> split_nal_units(std::span<const std::uint8_t> stream) {
    // Start codes end with a one behind two zeros: look for the rarer ones with memchr.
    std::vector<std::size_t> begins;
    for (std::size_t at = 2; at < stream.size(); ++at) {
        const void* one = std::memchr(stream.data() + at, 1, stream.size() - at);
        if (one == nullptr) break;
        at = static_cast<std::size_t>(static_cast<const std::uint8_t*>(one) - stream.data());
        if (stream[at - 1] == 0 && stream[at - 2] == 0) begins.push_back(at + 1);
    }
    std::vector<std::span<const std::uint8_t>> units;
    for (std::size_t i = 0; i < begins.size(); ++i) {
        std::size_t end = i + 1 < begins.size() ? begins[i + 1] - 3 : stream.size();
        while (end > begins[i] && stream[end - 1] == 0) --end;
        if (end > begins[i]) units.push_back(stream.subspan(begins[i], end - begins[i]));
    }
    return units;
}

std::vector<std::uint8_t> unescape(std::span<const std::uint8_t> nal) {
    std::vector<std::uint8_t> payload;
    payload.reserve(nal.size());
    std::size_t copied = 0;
    for (std::size_t at = 2; at < nal.size(); ++at) {
        const void* three = std::memchr(nal.data() + at, 3, nal.size() - at);
        if (three == nullptr) break;
        at = static_cast<std::size_t>(static_cast<const std::uint8_t*>(three) - nal.data());
        if (nal[at - 1] != 0 || nal[at - 2] != 0 || at < copied + 2) continue;
        payload.insert(payload.end(), nal.begin() + static_cast<std::ptrdiff_t>(copied),
                       nal.begin() + static_cast<std::ptrdiff_t>(at));
        copied = at + 1;
    }
    payload.insert(payload.end(), nal.begin() + static_cast<std::ptrdiff_t>(copied), nal.end());
    return payload;
}

void append_nal(std::vector<std::uint8_t>& stream, std::uint8_t header,
                std::span<const std::uint8_t> payload) {
    // Behind the stop bit there is nothing but the rest of its byte.
    while (!payload.empty() && payload.back() == 0) payload = payload.first(payload.size() - 1);
    stream.insert(stream.end(), {0, 0, 0, 1, header});
    unsigned zeros = 0;
    for (const std::uint8_t byte : payload) {
        if (zeros >= 2 && byte <= 3) {
            stream.push_back(3);
            zeros = 0;
        }
        stream.push_back(byte);
        zeros = byte == 0 ? zeros + 1 : 0;
    }
}

}  // namespace relfence::board::vpu
