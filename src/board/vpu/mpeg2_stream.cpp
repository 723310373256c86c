// SPDX-License-Identifier: MIT
#include "board/vpu/mpeg2_stream.hpp"

#include <bitset>

#include <fmt/format.h>

namespace relfence::board::vpu {
namespace {

using Type = Mpeg2Picture::Type;

constexpr std::uint8_t picture_start = 0x00;
constexpr std::uint8_t first_slice = 0x01;
constexpr std::uint8_t last_slice = 0xaf;
constexpr std::uint8_t sequence_header = 0xb3;
constexpr std::uint8_t extension_start = 0xb5;
constexpr unsigned sequence_extension = 1;
constexpr unsigned picture_coding_extension = 8;

class BitWriter {
  public:
    void bits(unsigned count, std::uint32_t value) {
        for (unsigned bit = count; bit-- > 0;) {
            if (used_ == 0) bytes_.push_back(0);
            bytes_.back() |= static_cast<std::uint8_t>((value >> bit & 1U) << (7 - used_));
            used_ = (used_ + 1) % 8;
        }
    }
    void start_code(std::uint8_t code) {
        used_ = 0;  // the rest of the byte is 0, as it has to be
        bits(24, 1);
        bits(8, code);
    }
    void append(std::span<const std::uint8_t> bytes) {
        used_ = 0;
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    }
    std::vector<std::uint8_t> take() { return std::move(bytes_); }

  private:
    std::vector<std::uint8_t> bytes_;
    unsigned used_ = 0;  ///< bits of the last byte; 0 also when it is full
};

/// Position, row by row, of each coefficient in zigzag order.
constexpr std::array<std::uint8_t, 64> zigzag = [] {
    std::array<std::uint8_t, 64> order{};
    unsigned n = 0;
    for (unsigned diagonal = 0; diagonal < 15; ++diagonal)
        for (unsigned i = 0; i <= diagonal; ++i) {
            const unsigned row = diagonal % 2 == 0 ? diagonal - i : i;
            const unsigned column = diagonal - row;
            if (row < 8 && column < 8) order[n++] = static_cast<std::uint8_t>(row * 8 + column);
        }
    return order;
}();

void write_sequence(BitWriter& out, const Mpeg2Picture& picture) {
    out.start_code(sequence_header);
    out.bits(12, picture.width() & 0xfff);
    out.bits(12, picture.height() & 0xfff);
    out.bits(4, 1);        // square pixels
    out.bits(4, 3);        // 25 frames per second
    out.bits(18, 0x3fff);  // bit rate, and a marker
    out.bits(1, 1);
    out.bits(10, 112);  // buffer size; then no constrained parameters
    out.bits(1, 0);
    for (const auto& matrix : {picture.intra_matrix, picture.non_intra_matrix}) {
        out.bits(1, 1);
        for (std::uint8_t position : zigzag) out.bits(8, matrix[position]);
    }
    out.start_code(extension_start);
    out.bits(4, sequence_extension);
    out.bits(8, 0x44);  // main profile at high level
    out.bits(1, picture.progressive_sequence);
    out.bits(2, 1);  // 4:2:0, the only one that the engine has
    out.bits(2, picture.width() >> 12);
    out.bits(2, picture.height() >> 12);
    out.bits(12, 0);
    out.bits(1, 1);
    out.bits(8, 0);
    out.bits(1, 0);  // may have B pictures
    out.bits(7, 0);
}

void write_picture(BitWriter& out, const Mpeg2Picture& picture) {
    out.start_code(picture_start);
    out.bits(10, 0);
    out.bits(3, static_cast<std::uint32_t>(picture.type));
    out.bits(16, 0xffff);
    // Vectors as MPEG-1 had them: unused values.
    if (picture.type != Type::intra) out.bits(4, 7);
    if (picture.type == Type::bidirectional) out.bits(4, 7);
    out.bits(1, 0);
    out.start_code(extension_start);
    out.bits(4, picture_coding_extension);
    for (std::uint8_t code : picture.f_code) out.bits(4, code);
    out.bits(2, picture.intra_dc_precision);
    out.bits(2, static_cast<std::uint32_t>(picture.structure));
    out.bits(1, picture.top_field_first);
    out.bits(1, picture.frame_pred_frame_dct);
    out.bits(1, picture.concealment_motion_vectors);
    out.bits(1, picture.q_scale_type);
    out.bits(1, picture.intra_vlc_format);
    out.bits(1, picture.alternate_scan);
    out.bits(1, 0);  // no repeated field
    // Neither is in the registers; no decoded pixel depends on them, but decoders take a
    // progressive frame with interlaced prediction for damaged.
    const bool progressive = !picture.is_field() && picture.frame_pred_frame_dct;
    out.bits(1, progressive);
    out.bits(1, progressive);
    out.bits(1, 0);
}

}  // namespace

Result<std::span<const std::uint8_t>> find_slices(std::span<const std::uint8_t> stream,
                                                  const Mpeg2Picture& picture) {
    auto bad = [](std::string_view what) { return fail_errno("decode MPEG-2", what, EBADMSG); };
    std::bitset<last_slice + 1> rows;
    std::size_t begin = stream.size(), end = stream.size();
    for (std::size_t i = 0; i + 3 < stream.size(); ++i) {
        if (stream[i] != 0 || stream[i + 1] != 0 || stream[i + 2] != 1) continue;
        const std::uint8_t code = stream[i + 3];
        if (code < first_slice || code > last_slice) {
            if (rows.none())
                return bad(fmt::format("start code {:#x} in place of the first slice", code));
            end = i;
            break;
        }
        if (rows.none()) begin = i;
        rows.set(code);
        i += 3;
    }
    if (rows.none()) return bad("no slice in the stream");
    // A picture higher than 2800 lines numbers its rows with three bits more, inside of the slices.
    for (std::uint32_t row = 0; row < picture.slice_rows() && picture.height() <= 2800; ++row)
        if (!rows.test(row + 1)) return bad(fmt::format("macroblock row {} has no slice", row));
    return stream.subspan(begin, end - begin);
}

std::vector<std::uint8_t> picture_stream(const Mpeg2Picture& picture,
                                         std::span<const std::uint8_t> slices) {
    BitWriter out;
    write_sequence(out, picture);
    write_picture(out, picture);
    out.append(slices);
    return out.take();
}

std::vector<std::uint8_t> reference_stream(const Mpeg2Picture& picture) {
    Mpeg2Picture intra;
    intra.mb_width = picture.mb_width;
    intra.mb_height = picture.mb_height;
    intra.progressive_sequence = picture.progressive_sequence;
    intra.intra_matrix = picture.intra_matrix;
    intra.non_intra_matrix = picture.non_intra_matrix;
    BitWriter out;
    write_sequence(out, intra);
    write_picture(out, intra);
    out.start_code(first_slice);
    if (picture.height() > 2800) out.bits(3, 0);
    out.bits(6, 1 << 1);  // quantiser scale 1, no extra information
    out.bits(2, 3);       // the next macroblock, intra
    for (unsigned block = 0; block < 4; ++block) out.bits(5, 0b10010);  // luma: no change, end
    for (unsigned block = 0; block < 2; ++block) out.bits(4, 0b0010);   // chroma: the same
    out.append(std::array<std::uint8_t, 8>{});
    return out.take();
}

}  // namespace relfence::board::vpu
