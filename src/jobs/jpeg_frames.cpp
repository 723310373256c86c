// SPDX-License-Identifier: MIT
#include "jobs/jpeg_frames.hpp"

#include <array>
#include <bit>
#include <cstdlib>
#include <initializer_list>
#include <string_view>

#include "jobs/bit_writer.hpp"

namespace relfence::jobs {
namespace {

/// One step of a band's DC is then one level of grey.
constexpr unsigned quantiser = 8;

/// Lengths and symbols of a Huffman table, T.81 annex K.3.
struct HuffmanTable {
    std::uint8_t place;  ///< 0x00 DC luma, 0x10 AC luma, 0x01 DC chroma, 0x11 AC chroma
    std::array<std::uint8_t, 16> lengths;
    std::string_view symbols;
};

using namespace std::string_view_literals;

constexpr HuffmanTable tables[] = {
    {0x00,
     {0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0},
     "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b"sv},
    {0x01,
     {0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0},
     "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b"sv},
    {0x10,
     {0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7d},
     "\x01\x02\x03\x00\x04\x11\x05\x12\x21\x31\x41\x06\x13\x51\x61\x07"
     "\x22\x71\x14\x32\x81\x91\xa1\x08\x23\x42\xb1\xc1\x15\x52\xd1\xf0"
     "\x24\x33\x62\x72\x82\x09\x0a\x16\x17\x18\x19\x1a\x25\x26\x27\x28"
     "\x29\x2a\x34\x35\x36\x37\x38\x39\x3a\x43\x44\x45\x46\x47\x48\x49"
     "\x4a\x53\x54\x55\x56\x57\x58\x59\x5a\x63\x64\x65\x66\x67\x68\x69"
     "\x6a\x73\x74\x75\x76\x77\x78\x79\x7a\x83\x84\x85\x86\x87\x88\x89"
     "\x8a\x92\x93\x94\x95\x96\x97\x98\x99\x9a\xa2\xa3\xa4\xa5\xa6\xa7"
     "\xa8\xa9\xaa\xb2\xb3\xb4\xb5\xb6\xb7\xb8\xb9\xba\xc2\xc3\xc4\xc5"
     "\xc6\xc7\xc8\xc9\xca\xd2\xd3\xd4\xd5\xd6\xd7\xd8\xd9\xda\xe1\xe2"
     "\xe3\xe4\xe5\xe6\xe7\xe8\xe9\xea\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8"
     "\xf9\xfa"sv},
    {0x11,
     {0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77},
     "\x00\x01\x02\x03\x11\x04\x05\x21\x31\x06\x12\x41\x51\x07\x61\x71"
     "\x13\x22\x32\x81\x08\x14\x42\x91\xa1\xb1\xc1\x09\x23\x33\x52\xf0"
     "\x15\x62\x72\xd1\x0a\x16\x24\x34\xe1\x25\xf1\x17\x18\x19\x1a\x26"
     "\x27\x28\x29\x2a\x35\x36\x37\x38\x39\x3a\x43\x44\x45\x46\x47\x48"
     "\x49\x4a\x53\x54\x55\x56\x57\x58\x59\x5a\x63\x64\x65\x66\x67\x68"
     "\x69\x6a\x73\x74\x75\x76\x77\x78\x79\x7a\x82\x83\x84\x85\x86\x87"
     "\x88\x89\x8a\x92\x93\x94\x95\x96\x97\x98\x99\x9a\xa2\xa3\xa4\xa5"
     "\xa6\xa7\xa8\xa9\xaa\xb2\xb3\xb4\xb5\xb6\xb7\xb8\xb9\xba\xc2\xc3"
     "\xc4\xc5\xc6\xc7\xc8\xc9\xca\xd2\xd3\xd4\xd5\xd6\xd7\xd8\xd9\xda"
     "\xe2\xe3\xe4\xe5\xe6\xe7\xe8\xe9\xea\xf2\xf3\xf4\xf5\xf6\xf7\xf8"
     "\xf9\xfa"sv}};

/// Codes of sizes of DC differences of luma, as those tables make them.
constexpr std::array<std::string_view, 9> luma_sizes{"00",  "010",  "011",   "100",   "101",
                                                     "110", "1110", "11110", "111110"};
constexpr std::string_view luma_end_of_block = "1010";
constexpr std::string_view chroma_without_difference = "00";
constexpr std::string_view chroma_end_of_block = "00";

void put(std::vector<std::uint8_t>& to, std::initializer_list<unsigned> bytes) {
    for (const unsigned byte : bytes) to.push_back(static_cast<std::uint8_t>(byte));
}

/// A marker and the length of what follows. @param size of it in bytes
void put_marker(std::vector<std::uint8_t>& to, unsigned marker, std::size_t size) {
    const auto length = static_cast<unsigned>(size + 2);
    put(to, {0xff, marker, length >> 8U, length & 0xffU});
}

void write_headers(std::vector<std::uint8_t>& to, unsigned width, unsigned height) {
    put(to, {0xff, 0xd8});
    put_marker(to, 0xe0, 14);
    put(to, {'J', 'F', 'I', 'F', 0, 1, 1, 0, 0, 1, 0, 1, 0, 0});
    put_marker(to, 0xdb, 65);
    put(to, {0});
    to.insert(to.end(), 64, std::uint8_t{quantiser});
    put_marker(to, 0xc0, 15);
    put(to, {8, height >> 8U, height & 0xffU, width >> 8U, width & 0xffU, 3,  //
             1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0});
    for (const HuffmanTable& table : tables) {
        put_marker(to, 0xc4, 1 + table.lengths.size() + table.symbols.size());
        to.push_back(table.place);
        to.insert(to.end(), table.lengths.begin(), table.lengths.end());
        for (const char symbol : table.symbols) to.push_back(static_cast<std::uint8_t>(symbol));
    }
    put_marker(to, 0xda, 10);
    put(to, {3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0});
}

/// @param difference to the block before
void write_luma(BitWriter& to, int difference) {
    const auto size =
        static_cast<unsigned>(std::bit_width(static_cast<unsigned>(std::abs(difference))));
    to.code(luma_sizes[size]);
    to.put(size,
           static_cast<std::uint32_t>(difference >= 0 ? difference : difference + (1 << size) - 1));
    to.code(luma_end_of_block);
}

}  // namespace

std::vector<std::uint8_t> make_jpeg(unsigned width, unsigned height, unsigned index) {
    BitWriter scan;
    int before = 0;
    for (unsigned row = 0; row < height / 16; ++row) {
        const int shade = static_cast<int>(16 + (row * 7 + index * 61) % 220) - 128;
        for (unsigned column = 0; column < width / 16; ++column) {
            write_luma(scan, shade - before);
            before = shade;
            for (unsigned block = 1; block < 4; ++block) write_luma(scan, 0);
            for (unsigned block = 0; block < 2; ++block) {
                scan.code(chroma_without_difference);
                scan.code(chroma_end_of_block);
            }
        }
    }
    scan.align_with_ones();

    std::vector<std::uint8_t> picture;
    write_headers(picture, width, height);
    for (const std::uint8_t byte : scan.bytes()) {
        picture.push_back(byte);
        // No marker: T.81, B.1.1.5.
        if (byte == 0xff) picture.push_back(0);
    }
    put(picture, {0xff, 0xd9});
    return picture;
}

}  // namespace relfence::jobs
