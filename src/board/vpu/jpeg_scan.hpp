// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <relfence/base/error.hpp>

namespace relfence::board::vpu {

/// A picture of whole macroblocks, Y, Cb and Cr at half the size, without gaps between rows.
struct MacroblockPicture {
    std::uint32_t mb_width = 0;
    std::uint32_t mb_height = 0;
    std::vector<std::uint8_t> y, cb, cr;

    [[nodiscard]] static MacroblockPicture of(std::uint32_t mb_width, std::uint32_t mb_height);
    [[nodiscard]] std::uint32_t width() const { return mb_width * 16; }
    [[nodiscard]] std::uint32_t height() const { return mb_height * 16; }
};

/// Quantisation steps row by row (neither zigzag nor the engine's order), none of them 0.
using QuantisationTable = std::array<std::uint8_t, 64>;

/// The scan of a picture.
struct EncodedScan {
    std::vector<std::byte> bytes;  ///< entropy-coded data, then EOI
    /// How much of `bytes` was there after each row of macroblocks; the last is all of it.
    std::vector<std::size_t> row_ends;
};

/// Entropy-coded scan of a baseline 4:2:0 JPEG with Annex K's Huffman tables, by libjpeg.
/// @return ENOMEM when libjpeg gives up
[[nodiscard]] Result<EncodedScan> encode_scan(const MacroblockPicture& picture,
                                              const QuantisationTable& luma,
                                              const QuantisationTable& chroma);

}  // namespace relfence::board::vpu
