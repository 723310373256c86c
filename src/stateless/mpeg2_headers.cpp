// SPDX-License-Identifier: MIT
#include "stateless/mpeg2_headers.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace relfence::stateless {
namespace {

enum StartCode : std::uint8_t {
    picture_start = 0x00,
    first_slice = 0x01,
    last_slice = 0xaf,
    sequence_header = 0xb3,
    extension_start = 0xb5,
};
enum Extension : std::uint8_t {
    sequence_extension = 1,
    quant_matrix_extension = 3,
    picture_coding_extension = 8,
};

/// Reads bits; beyond the end zeros, which overrun() tells.
class BitReader {
  public:
    explicit BitReader(std::span<const std::uint8_t> bytes) : bytes_{bytes} {}
    std::uint32_t bits(unsigned count) {
        std::uint32_t value = 0;
        for (; count > 0; --count, ++position_) {
            const std::size_t byte = position_ / 8;
            const unsigned bit =
                byte < bytes_.size() ? unsigned{bytes_[byte]} >> (7 - position_ % 8) & 1U : 0U;
            value = value << 1 | bit;
        }
        return value;
    }
    bool flag() { return bits(1) != 0; }
    [[nodiscard]] bool overrun() const { return position_ > bytes_.size() * 8; }

  private:
    std::span<const std::uint8_t> bytes_;
    std::size_t position_ = 0;
};

/// Table of 6.3.11 in zigzag order, as all tables in streams and in V4L2's control.
constexpr std::array<std::uint8_t, 64> default_intra{
    8,  16, 16, 19, 16, 19, 22, 22, 22, 22, 22, 22, 26, 24, 26, 27, 27, 27, 26, 26, 26, 26,
    27, 27, 27, 29, 29, 29, 34, 34, 34, 29, 29, 29, 27, 27, 29, 29, 32, 32, 34, 34, 37, 38,
    37, 35, 35, 34, 35, 38, 38, 40, 40, 40, 48, 48, 46, 46, 56, 56, 58, 69, 69, 83};

void load(std::uint8_t (&matrix)[64], BitReader& in) {
    for (std::uint8_t& step : matrix) step = static_cast<std::uint8_t>(in.bits(8));
}

class Parser {
  public:
    explicit Parser(std::span<const std::uint8_t> stream) : stream_{stream} {}

    Result<std::vector<Mpeg2CodedPicture>> run() {
        for (std::size_t at = next_start_code(0); at < stream_.size();) {
            const std::size_t end = next_start_code(at + 4);
            if (auto parsed = part(at, end); !parsed) return tl::unexpected{parsed.error()};
            at = end;
        }
        if (pictures_.empty()) return bad("no picture");
        return std::move(pictures_);
    }

  private:
    static tl::unexpected<Error> bad(std::string_view what) {
        return fail_errno("parse MPEG-2", what, EBADMSG);
    }

    /// Position of the next start code at or after @p from, or the end.
    [[nodiscard]] std::size_t next_start_code(std::size_t from) const {
        static constexpr std::uint8_t prefix[] = {0, 0, 1};
        if (from >= stream_.size()) return stream_.size();
        const auto found = std::search(stream_.begin() + static_cast<std::ptrdiff_t>(from),
                                       stream_.end(), std::begin(prefix), std::end(prefix));
        const auto at = static_cast<std::size_t>(found - stream_.begin());
        return at + 3 >= stream_.size() ? stream_.size() : at;
    }

    Result<void> part(std::size_t at, std::size_t end) {
        const std::uint8_t code = stream_[at + 3];
        BitReader in{stream_.subspan(at + 4, end - at - 4)};
        if (code >= first_slice && code <= last_slice) return slice(at, end);
        switch (code) {
            case sequence_header:
                read_sequence(in);
                break;
            case picture_start:
                if (!sequence_extended_) return bad("a picture without an MPEG-2 sequence header");
                read_picture(in);
                break;
            case extension_start:
                read_extension(in);
                break;
            default:
                return {};
        }
        if (in.overrun()) return bad(fmt::format("the header {:#x} is too short", code));
        return {};
    }

    void read_sequence(BitReader& in) {
        sequence_ = {};
        sequence_extended_ = false;
        sequence_.horizontal_size = static_cast<std::uint16_t>(in.bits(12));
        sequence_.vertical_size = static_cast<std::uint16_t>(in.bits(12));
        in.bits(4 + 4 + 18 + 1);  // aspect ratio, frame rate, bit rate, marker
        sequence_.vbv_buffer_size = in.bits(10);
        in.flag();  // constrained parameters
        std::ranges::copy(default_intra, quantisation_.intra_quantiser_matrix);
        std::ranges::fill(quantisation_.non_intra_quantiser_matrix, std::uint8_t{16});
        if (in.flag()) load(quantisation_.intra_quantiser_matrix, in);
        if (in.flag()) load(quantisation_.non_intra_quantiser_matrix, in);
        copy_to_chroma();
    }
    void copy_to_chroma() {
        std::ranges::copy(quantisation_.intra_quantiser_matrix,
                          quantisation_.chroma_intra_quantiser_matrix);
        std::ranges::copy(quantisation_.non_intra_quantiser_matrix,
                          quantisation_.chroma_non_intra_quantiser_matrix);
    }

    void read_picture(BitReader& in) {
        current_ = {};
        current_.temporal_reference = in.bits(10);
        current_.picture.picture_coding_type = static_cast<std::uint8_t>(in.bits(3));
        extended_ = in_picture_ = false;
    }

    void read_extension(BitReader& in) {
        switch (in.bits(4)) {
            case sequence_extension:
                sequence_.profile_and_level_indication = static_cast<std::uint16_t>(in.bits(8));
                if (in.flag()) sequence_.flags |= V4L2_MPEG2_SEQ_FLAG_PROGRESSIVE;
                sequence_.chroma_format = static_cast<std::uint8_t>(in.bits(2));
                sequence_.horizontal_size =
                    static_cast<std::uint16_t>(sequence_.horizontal_size | in.bits(2) << 12);
                sequence_.vertical_size =
                    static_cast<std::uint16_t>(sequence_.vertical_size | in.bits(2) << 12);
                in.bits(12 + 1);  // bit rate, marker
                sequence_.vbv_buffer_size |= in.bits(8) << 10;
                sequence_extended_ = true;
                break;
            case quant_matrix_extension:
                if (in.flag()) load(quantisation_.intra_quantiser_matrix, in);
                if (in.flag()) load(quantisation_.non_intra_quantiser_matrix, in);
                copy_to_chroma();
                if (in.flag()) load(quantisation_.chroma_intra_quantiser_matrix, in);
                if (in.flag()) load(quantisation_.chroma_non_intra_quantiser_matrix, in);
                break;
            case picture_coding_extension:
                read_picture_extension(in);
                break;
            default:
                break;
        }
    }

    void read_picture_extension(BitReader& in) {
        v4l2_ctrl_mpeg2_picture& picture = current_.picture;
        for (auto& direction : picture.f_code)
            for (std::uint8_t& code : direction) code = static_cast<std::uint8_t>(in.bits(4));
        picture.intra_dc_precision = static_cast<std::uint8_t>(in.bits(2));
        picture.picture_structure = static_cast<std::uint8_t>(in.bits(2));
        for (int flag : {V4L2_MPEG2_PIC_FLAG_TOP_FIELD_FIRST, V4L2_MPEG2_PIC_FLAG_FRAME_PRED_DCT,
                         V4L2_MPEG2_PIC_FLAG_CONCEALMENT_MV, V4L2_MPEG2_PIC_FLAG_Q_SCALE_TYPE,
                         V4L2_MPEG2_PIC_FLAG_INTRA_VLC, V4L2_MPEG2_PIC_FLAG_ALT_SCAN,
                         V4L2_MPEG2_PIC_FLAG_REPEAT_FIRST})
            if (in.flag()) picture.flags |= static_cast<std::uint32_t>(flag);
        in.flag();  // chroma_420_type
        if (in.flag()) picture.flags |= V4L2_MPEG2_PIC_FLAG_PROGRESSIVE;
        extended_ = true;
    }

    Result<void> slice(std::size_t at, std::size_t end) {
        if (!extended_) return bad("a slice without a picture header of MPEG-2");
        if (!in_picture_) {
            if (auto begun = begin_picture(); !begun) return begun;
            pictures_.back().slices = stream_.subspan(at, 0);
        }
        auto& slices = pictures_.back().slices;
        slices = {slices.data(), stream_.data() + end};
        return {};
    }

    /// All of its headers are known: gives the picture its place among the others.
    Result<void> begin_picture() {
        v4l2_ctrl_mpeg2_picture& picture = current_.picture;
        const bool reference = picture.picture_coding_type == V4L2_MPEG2_PIC_CODING_TYPE_I ||
                               picture.picture_coding_type == V4L2_MPEG2_PIC_CODING_TYPE_P;
        if (!reference && picture.picture_coding_type != V4L2_MPEG2_PIC_CODING_TYPE_B)
            return bad(fmt::format("picture type {}", picture.picture_coding_type));
        if (picture.picture_structure == 0) return bad("picture structure 0");
        current_.sequence = sequence_;
        current_.quantisation = quantisation_;

        const bool field = picture.picture_structure != V4L2_MPEG2_PIC_FRAME;
        current_.second_field = field && first_field_ != 0 &&
                                first_field_ != picture.picture_structure &&
                                pictures_.back().temporal_reference == current_.temporal_reference;
        if (field) {
            const unsigned first = current_.second_field ? first_field_ : picture.picture_structure;
            picture.flags &= ~std::uint32_t{V4L2_MPEG2_PIC_FLAG_TOP_FIELD_FIRST};
            if (first == V4L2_MPEG2_PIC_TOP_FIELD)
                picture.flags |= V4L2_MPEG2_PIC_FLAG_TOP_FIELD_FIRST;
        }
        first_field_ = field && !current_.second_field ? picture.picture_structure : 0;

        if (!current_.second_field) {
            frame_ = frames_++;
            // A reference moves on those before it; fields of one frame are one reference.
            if (reference) {
                older_ = newer_;
                newer_ = frame_;
            }
        }
        current_.frame = frame_;
        if (picture.picture_coding_type == V4L2_MPEG2_PIC_CODING_TYPE_P) current_.forward = older_;
        if (picture.picture_coding_type == V4L2_MPEG2_PIC_CODING_TYPE_B) {
            current_.forward = older_;
            current_.backward = newer_;
        }
        pictures_.push_back(current_);
        in_picture_ = true;
        return {};
    }

    std::span<const std::uint8_t> stream_;
    std::vector<Mpeg2CodedPicture> pictures_;
    v4l2_ctrl_mpeg2_sequence sequence_{};
    v4l2_ctrl_mpeg2_quantisation quantisation_{};
    Mpeg2CodedPicture current_;
    bool sequence_extended_ = false;
    bool extended_ = false;     ///< the current picture has its coding extension
    bool in_picture_ = false;   ///< the current picture is in the list
    unsigned first_field_ = 0;  ///< structure of the field before, where that waits for a second
    std::size_t frames_ = 0, frame_ = 0;
    std::optional<std::size_t> older_, newer_;
};

}  // namespace

Result<std::vector<Mpeg2CodedPicture>> parse_mpeg2(std::span<const std::uint8_t> stream) {
    return Parser{stream}.run();
}

}  // namespace relfence::stateless
