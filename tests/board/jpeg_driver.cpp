// SPDX-License-Identifier: MIT
#include "jpeg_driver.hpp"

#include <cstdio>
#include <jpeglib.h>
#include <stdexcept>

namespace relfence::board {
namespace {

/// Position, row by row, of the Nth coefficient in zigzag order.
std::array<unsigned, 64> zigzag() {
    std::array<unsigned, 64> order{};
    unsigned n = 0;
    for (int diagonal = 0; diagonal < 15; ++diagonal)
        for (int i = 0; i <= diagonal; ++i) {
            const int row = diagonal % 2 == 0 ? diagonal - i : i;
            const int column = diagonal - row;
            if (row < 8 && column < 8) order[n++] = static_cast<unsigned>(row * 8 + column);
        }
    return order;
}

/// The order in which the engine wants a table, four bytes to a register.
constexpr std::uint8_t engine_order[16][4] = {
    {0, 8, 16, 24},  {1, 9, 17, 25},  {32, 40, 48, 56}, {33, 41, 49, 57},
    {2, 10, 18, 26}, {3, 11, 19, 27}, {34, 42, 50, 58}, {35, 43, 51, 59},
    {4, 12, 20, 28}, {5, 13, 21, 29}, {36, 44, 52, 60}, {37, 45, 53, 61},
    {6, 14, 22, 30}, {7, 15, 23, 31}, {38, 46, 54, 62}, {39, 47, 55, 63},
};

class HeaderWriter {
  public:
    void bytes(std::initializer_list<unsigned> values) {
        for (unsigned value : values) header_.push_back(static_cast<std::uint8_t>(value));
    }
    void word(unsigned value) { bytes({value >> 8, value & 0xff}); }
    void table(unsigned number, const std::array<std::uint8_t, 64>& steps) {
        bytes({number});
        for (unsigned position : zigzag()) bytes({steps[position]});
    }
    void huffman(unsigned number, const JHUFF_TBL& table) {
        unsigned codes = 0;
        for (int length = 1; length <= 16; ++length) codes += table.bits[length];
        bytes({0xff, 0xc4});
        word(2 + 1 + 16 + codes);
        bytes({number});
        for (int length = 1; length <= 16; ++length) bytes({table.bits[length]});
        for (unsigned i = 0; i < codes; ++i) bytes({table.huffval[i]});
    }
    std::vector<std::uint8_t> take() { return std::move(header_); }

  private:
    std::vector<std::uint8_t> header_;
};

std::vector<std::uint8_t> header(const JpegJob& job) {
    // libjpeg's default Huffman tables are those of Annex K, as the driver's.
    jpeg_compress_struct tables{};
    jpeg_error_mgr errors{};
    tables.err = jpeg_std_error(&errors);
    jpeg_create_compress(&tables);
    tables.in_color_space = JCS_YCbCr;
    tables.input_components = 3;
    jpeg_set_defaults(&tables);

    HeaderWriter out;
    out.bytes({0xff, 0xd8});
    out.bytes({0xff, 0xe0, 0, 16, 'J', 'F', 'I', 'F', 0, 1, 1, 0, 0, 1, 0, 1, 0, 0});
    out.bytes({0xff, 0xdb, 0, 132});
    out.table(0, job.luma);
    out.table(1, job.chroma);
    out.bytes({0xff, 0xc0, 0, 17, 8});
    out.word(job.crop_height);
    out.word(job.crop_width);
    out.bytes({3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1});
    for (unsigned i = 0; i < 2; ++i) {
        out.huffman(i, *tables.dc_huff_tbl_ptrs[i]);
        out.huffman(0x10 + i, *tables.ac_huff_tbl_ptrs[i]);
    }
    out.bytes({0xff, 0xfe, 0, 3, 0});
    out.bytes({0xff, 0xda, 0, 12, 3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0});
    jpeg_destroy_compress(&tables);
    return out.take();
}

}  // namespace

void program_jpeg(const JpegJob& job, PlainDma& dma, regs::RegisterBank& registers) {
    const std::vector<std::uint8_t> head = header(job);
    if (head.size() != jpeg_header_size) throw std::logic_error{"the header has another size"};
    std::ranges::copy(head, dma.at(job.capture, head.size()).begin());

    constexpr std::uint32_t jpeg = 2U << 4, intra = 1U << 6;
    registers.write(0x19c, jpeg);
    registers.write(0x0f4, job.width & 0x3fff);
    registers.write(
        0x0f0, ((job.width - job.crop_width) / 4 & 3) << 4 | ((job.height - job.crop_height) & 15));
    registers.write(0x128, static_cast<std::uint32_t>(job.format) << 4);
    registers.write(0x134, static_cast<std::uint32_t>(job.capture + jpeg_header_size));
    registers.write(0x0d4, job.capture_size - jpeg_header_size);
    for (std::uint32_t i = 0; i < job.planes.size(); ++i)
        registers.write(0x0c0 + 4 * i, static_cast<std::uint32_t>(job.planes[i]));
    for (std::uint32_t i = 0; i < 16; ++i) {
        auto packed = [i](const std::array<std::uint8_t, 64>& table) {
            std::uint32_t word = 0;
            for (std::uint8_t position : engine_order[i]) word = word << 8 | table[position];
            return word;
        };
        registers.write(0x000 + 4 * i, packed(job.luma));
        registers.write(0x040 + 4 * i, packed(job.chroma));
    }
    registers.write(0x1a4, 0x3fU << 26);
    registers.write(0x0d8, 16U << 8);
    registers.write(
        0x19c, (job.width / 16 & 0x1ff) << 8 | (job.height / 16 & 0x1ff) << 20 | intra | jpeg | 1);
}

}  // namespace relfence::board
