// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstdint>
#include <string_view>
#include <vector>

namespace relfence::jobs {

/// Bits of a coded stream, the highest of a byte first.
class BitWriter {
  public:
    void put(unsigned width, std::uint32_t value) {
        while (width-- > 0) {
            if (used_ == 0) bytes_.push_back(0);
            bytes_.back() |= static_cast<std::uint8_t>((value >> width & 1U) << (7 - used_));
            used_ = (used_ + 1) % 8;
        }
    }
    /// A code as tables have it: "0110".
    void code(std::string_view digits) {
        for (const char digit : digits) put(1, digit == '1' ? 1 : 0);
    }
    /// An unsigned number as H.264 codes it, 9.1.
    void exp_golomb(std::uint32_t value) {
        const auto width = static_cast<unsigned>(std::bit_width(value + 1));
        put(width - 1, 0);
        put(width, value + 1);
    }
    /// Zeros up to the next byte.
    void align() { used_ = 0; }
    /// Ones up to the next byte, as JPEG wants it.
    void align_with_ones() {
        while (used_ != 0) put(1, 1);
    }
    void bytes(std::vector<std::uint8_t> more) {
        align();
        bytes_.insert(bytes_.end(), more.begin(), more.end());
    }
    [[nodiscard]] const std::vector<std::uint8_t>& bytes() const { return bytes_; }

  private:
    std::vector<std::uint8_t> bytes_;
    unsigned used_ = 0;  // of the last byte; 0: all of it
};

}  // namespace relfence::jobs
