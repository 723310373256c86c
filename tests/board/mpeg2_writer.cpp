// SPDX-License-Identifier: MIT
#include "mpeg2_writer.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <random>
#include <string_view>

namespace relfence::board {
namespace {

enum class Structure : unsigned { top = 1, bottom = 2, frame = 3 };

/// motion_code 0 to 16 without the sign, table B.10.
constexpr std::string_view motion_codes[] = {
    "1",          "01",         "001",        "0001",       "000011",    "0000101",
    "0000100",    "0000011",    "000001011",  "000001010",  "000001001", "0000010001",
    "0000010000", "0000001111", "0000001110", "0000001101", "0000001100"};
/// dct_dc_size 0 to 4, tables B.12 and B.13.
constexpr std::string_view luma_dc_sizes[] = {"100", "00", "01", "101", "110"};
constexpr std::string_view chroma_dc_sizes[] = {"00", "01", "10", "110", "1110"};
/// Some patterns of table B.9.
constexpr struct {
    unsigned pattern;
    std::string_view code;
} patterns[] = {{60, "111"},   {4, "1101"},   {8, "1100"},  {16, "1011"}, {32, "1010"},
                {12, "10011"}, {48, "10010"}, {1, "01011"}, {2, "01001"}, {63, "001100"}};

class Bits {
  public:
    void put(unsigned count, std::uint32_t value) {
        for (unsigned bit = count; bit-- > 0;) {
            if (used_ == 0) bytes_.push_back(0);
            bytes_.back() =
                static_cast<std::uint8_t>(bytes_.back() | (value >> bit & 1U) << (7 - used_));
            used_ = (used_ + 1) % 8;
        }
    }
    void code(std::string_view digits) {
        for (char digit : digits) put(1, digit == '1' ? 1 : 0);
    }
    void start_code(std::uint32_t code) {
        used_ = 0;
        put(32, 0x100 | code);
    }
    std::vector<std::uint8_t> take() { return std::move(bytes_); }

  private:
    std::vector<std::uint8_t> bytes_;
    unsigned used_ = 0;
};

class Writer {
  public:
    explicit Writer(const RandomStream& stream) : stream_{stream}, random_{stream.seed} {}

    std::vector<std::uint8_t> run(std::span<const RandomFrame> frames) {
        sequence();
        for (const RandomFrame& frame : frames) {
            const Structure first = stream_.top_field_first ? Structure::top : Structure::bottom;
            const Structure second = stream_.top_field_first ? Structure::bottom : Structure::top;
            if (frame.second == 0) {
                picture(frame.first, Structure::frame);
            } else {
                picture(frame.first, first);
                picture(frame.second, second);
            }
            ++number_;
        }
        out_.start_code(0xb7);
        return out_.take();
    }

  private:
    /// Half samples: codes of two mean vectors from -32 to 31.
    static constexpr int f_code = 2;
    static constexpr int lowest = -32, highest = 31;

    int below(unsigned limit) { return static_cast<int>(random_() % limit); }
    bool chance(unsigned in) { return random_() % in == 0; }
    [[nodiscard]] bool is_frame() const { return structure_ == Structure::frame; }

    void sequence() {
        out_.start_code(0xb3);
        out_.put(12, stream_.mb_width * 16);
        out_.put(12, stream_.mb_height * 16);
        out_.put(8, 1U << 4 | 3);
        out_.put(18, 5000);
        out_.put(1, 1);
        out_.put(10, 100);
        out_.put(3, 0);  // default matrices
        out_.start_code(0xb5);
        out_.put(4, 1);
        out_.put(8, 0x44);
        out_.put(1, 0);  // interlaced
        out_.put(2, 1);
        out_.put(4, 0);
        out_.put(12, 0);
        out_.put(1, 1);
        out_.put(16, 0);
    }

    void picture(char type, Structure structure) {
        type_ = type;
        structure_ = structure;
        out_.start_code(0x00);
        out_.put(10, number_);
        out_.put(3, type == 'I' ? 1 : type == 'P' ? 2 : 3);
        out_.put(16, 0xffff);
        if (type != 'I') out_.put(4, 7);
        if (type == 'B') out_.put(4, 7);
        out_.put(1, 0);
        out_.start_code(0xb5);
        out_.put(4, 8);
        out_.put(8, type != 'I' || stream_.concealment_vectors ? f_code << 4 | f_code : 0xff);
        out_.put(8, type == 'B' ? f_code << 4 | f_code : 0xff);
        out_.put(2, stream_.dc_precision);
        out_.put(2, static_cast<unsigned>(structure));
        out_.put(1, is_frame() && stream_.top_field_first);
        out_.put(1, 0);  // field prediction and field DCT in frames
        out_.put(1, stream_.concealment_vectors);
        out_.put(1, stream_.q_scale_type);
        out_.put(1, stream_.intra_vlc);
        out_.put(1, stream_.alternate_scan);
        out_.put(4, 0);
        const unsigned rows = stream_.mb_height / (is_frame() ? 1 : 2);
        for (unsigned row = 0; row < rows; ++row) slices(row);
    }

    /// One or two slices of a row of macroblocks.
    void slices(unsigned row) {
        const unsigned split = chance(2) ? stream_.mb_width / 2 : 0;
        unsigned skipped = 0;
        for (unsigned column = 0; column < stream_.mb_width; ++column) {
            const bool first = column == 0 || column == split;
            const bool last = column + 1 == stream_.mb_width || column + 1 == split;
            if (first) {
                out_.start_code(row + 1);
                out_.put(5, 1U + static_cast<unsigned>(below(12)));
                out_.put(1, 0);
                reset_predictors();
            }
            if (first && column != 0) {
                // The increment counts from the left edge here.
                static constexpr std::string_view increments[] = {"1",    "011",   "010",  "0011",
                                                                  "0010", "00011", "00010"};
                out_.code(increments[column]);
            } else if (!first && !last && type_ == 'P' && skipped == 0 && chance(5)) {
                ++skipped;
                reset_predictors();
                continue;
            } else {
                out_.code(skipped == 0 ? "1" : "011");
            }
            skipped = 0;
            macroblock(static_cast<int>(column), static_cast<int>(row));
        }
    }

    void macroblock(int column, int row) {
        if (type_ == 'I' || chance(6)) return intra(column, row);
        if (type_ == 'P' && chance(6)) {
            // No vector, only coefficients.
            out_.code("01");
            dct_type();
            reset_predictors();
            return coded_blocks();
        }
        bool forward = true, backward = false;
        const bool coded = chance(2);
        if (type_ == 'P') {
            out_.code(coded ? "1" : "001");
        } else {
            const int direction = below(3);
            forward = direction != 0;
            backward = direction != 1;
            out_.code(direction == 0   ? (coded ? "011" : "010")
                      : direction == 1 ? (coded ? "0011" : "0010")
                                       : (coded ? "11" : "10"));
        }
        // 1 field, 2 frame or 16x8, 3 dual prime, which has to stay away from the edges.
        const int rows = static_cast<int>(stream_.mb_height) / (is_frame() ? 1 : 2);
        const bool inside = column > 0 && column + 1 < static_cast<int>(stream_.mb_width) &&
                            row > 0 && row + 1 < rows;
        const bool dual = stream_.dual_prime && type_ == 'P' && inside && chance(2);
        const unsigned motion_type = dual ? 3U : 1U + static_cast<unsigned>(below(2));
        out_.put(2, motion_type);
        if (coded) dct_type();
        if (forward) vectors(0, motion_type, column, row);
        if (backward) vectors(1, motion_type, column, row);
        if (coded) coded_blocks();
    }

    void dct_type() {
        if (is_frame()) out_.put(1, random_() & 1U);
    }

    void intra(int column, int row) {
        out_.code(type_ == 'I' ? "1" : "00011");
        dct_type();
        if (stream_.concealment_vectors) {
            if (!is_frame()) out_.put(1, random_() & 1U);
            one_vector(0, 0, {column * 16, row * 16, 16, picture_height()}, 1);
            predictors_[1][0] = predictors_[0][0];
            out_.put(1, 1);
        } else {
            reset_predictors();
        }
        for (unsigned block = 0; block < 6; ++block) {
            const unsigned size = static_cast<unsigned>(below(5));
            out_.code(block < 4 ? luma_dc_sizes[size] : chroma_dc_sizes[size]);
            out_.put(size, static_cast<std::uint32_t>(random_()) & ((1U << size) - 1));
            coefficients(0);
            out_.code(stream_.intra_vlc ? "0110" : "10");
        }
    }

    void coded_blocks() {
        const auto& pattern = patterns[below(std::size(patterns))];
        out_.code(pattern.code);
        for (unsigned block = 0; block < 6; ++block) {
            if ((pattern.pattern >> (5 - block) & 1U) == 0) continue;
            coefficients(-1);
            out_.code("10");
        }
    }

    /// One to four coefficients in escape codes, the first behind @p position.
    void coefficients(int position) {
        for (int count = 1 + below(4); count > 0; --count) {
            const int run = below(12);
            position += run + 1;
            if (position > 63) return;
            const int level = 1 + below(40);
            out_.code("000001");
            out_.put(6, static_cast<std::uint32_t>(run));
            out_.put(12, static_cast<std::uint32_t>(chance(2) ? level : -level) & 0xfff);
        }
    }

    /// Where a predicted block lies, in a reference of a certain height.
    struct Block {
        int x, y, height, reference_height;
    };
    [[nodiscard]] int picture_height() const {
        return static_cast<int>(stream_.mb_height) * 16 / (is_frame() ? 1 : 2);
    }

    void vectors(unsigned direction, unsigned motion_type, int column, int row) {
        const int x = column * 16, y = row * 16, height = picture_height();
        if (motion_type == 3) return dual_prime(direction);
        const bool one = (motion_type == 2) == is_frame();
        if (one) {
            if (!is_frame()) out_.put(1, random_() & 1U);  // which field
            one_vector(0, direction, {x, y, 16, height}, 1);
            predictors_[1][direction] = predictors_[0][direction];
            return;
        }
        for (int half = 0; half < 2; ++half) {
            out_.put(1, random_() & 1U);
            if (is_frame())  // of each field, whose vectors count field lines
                one_vector(half, direction, {x, y / 2, 8, height / 2}, 2);
            else  // upper and lower half
                one_vector(half, direction, {x, y + half * 8, 8, height}, 1);
        }
    }

    /// @param scale by which predictors count finer than the vector's vertical part
    void one_vector(int which, unsigned direction, Block block, int scale) {
        auto& predictor = predictors_[static_cast<unsigned>(which)][direction];
        const int width = static_cast<int>(stream_.mb_width) * 16;
        const int x = inside(block.x, 16, width);
        const int y = inside(block.y, block.height, block.reference_height);
        component(x - predictor[0]);
        component(y - (predictor[1] >> (scale - 1)));
        predictor = {x, y * scale};
    }

    void dual_prime(unsigned direction) {
        auto& predictor = predictors_[0][direction];
        const int shift = is_frame() ? 1 : 0;
        const int x = below(9) - 4, y = below(9) - 4;
        static constexpr std::string_view differences[] = {"0", "10", "11"};
        component(x - predictor[0]);
        out_.code(differences[below(3)]);
        component(y - (predictor[1] >> shift));
        out_.code(differences[below(3)]);
        predictor = {x, y * (1 << shift)};
        predictors_[1][direction] = predictor;
    }

    /// A vector component in half samples that leaves the block in the picture.
    int inside(int position, int size, int limit) {
        const int low = std::max(lowest, -2 * position);
        const int high = std::min(highest, 2 * (limit - size - position));
        return low + below(static_cast<unsigned>(high - low + 1));
    }

    void component(int delta) {
        if (delta < lowest) delta += 64;
        if (delta > highest) delta -= 64;
        const int magnitude = std::abs(delta);
        const int code = magnitude == 0 ? 0 : (magnitude - 1) / 2 + 1;
        out_.code(motion_codes[code]);
        if (code == 0) return;
        out_.put(1, delta < 0);
        out_.put(1, static_cast<std::uint32_t>(magnitude - 1) & 1U);
    }

    void reset_predictors() { predictors_ = {}; }

    RandomStream stream_;
    std::mt19937 random_;
    Bits out_;
    char type_ = 'I';
    Structure structure_ = Structure::frame;
    unsigned number_ = 0;
    /// First or second vector, direction, x and y.
    std::array<std::array<std::array<int, 2>, 2>, 2> predictors_{};
};

}  // namespace

std::vector<std::uint8_t> write_random_mpeg2(const RandomStream& stream,
                                             std::span<const RandomFrame> frames) {
    return Writer{stream}.run(frames);
}

}  // namespace relfence::board
