// SPDX-License-Identifier: MIT
#include "board/vpu/jpeg_scan.hpp"

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <jpeglib.h>

namespace relfence::board::vpu {
namespace {

constexpr unsigned luma_rows = 16;
constexpr unsigned chroma_rows = 8;

/// libjpeg's way out of an error: back to the setjmp().
struct ErrorExit {
    jpeg_error_mgr base;
    std::jmp_buf out;
};

void leave(j_common_ptr encoder) {
    std::longjmp(reinterpret_cast<ErrorExit*>(encoder->err)->out, 1);
}

/// A destination of libjpeg that can tell how much has come out so far.
struct Destination {
    jpeg_destination_mgr base;
    std::vector<std::byte>* bytes;
    std::array<JOCTET, 65536> buffer;

    void begin() {
        base.next_output_byte = buffer.data();
        base.free_in_buffer = buffer.size();
    }
    void flush() {
        const auto* from = reinterpret_cast<const std::byte*>(buffer.data());
        bytes->insert(bytes->end(), from, from + (buffer.size() - base.free_in_buffer));
        begin();
    }
};

Destination& destination_of(j_compress_ptr encoder) {
    return *reinterpret_cast<Destination*>(encoder->dest);
}

void set_table(j_compress_ptr encoder, int number, const QuantisationTable& table) {
    JQUANT_TBL*& slot = encoder->quant_tbl_ptrs[number];
    if (slot == nullptr) slot = jpeg_alloc_quant_table(reinterpret_cast<j_common_ptr>(encoder));
    std::ranges::copy(table, slot->quantval);
}

void set_up(j_compress_ptr encoder, const MacroblockPicture& picture, const QuantisationTable& luma,
            const QuantisationTable& chroma) {
    // Every macroblock in full, also those that a header of the driver crops: the engine encodes
    // what it filled them with, where libjpeg would invent blocks for a smaller picture.
    encoder->image_width = picture.width();
    encoder->image_height = picture.height();
    encoder->input_components = 3;
    encoder->in_color_space = JCS_YCbCr;
    jpeg_set_defaults(encoder);
    encoder->raw_data_in = TRUE;
    encoder->dct_method = JDCT_ISLOW;
    for (int component = 0; component < 3; ++component) {
        encoder->comp_info[component].h_samp_factor = component == 0 ? 2 : 1;
        encoder->comp_info[component].v_samp_factor = component == 0 ? 2 : 1;
        encoder->comp_info[component].quant_tbl_no = component == 0 ? 0 : 1;
    }
    set_table(encoder, 0, luma);
    set_table(encoder, 1, chroma);
}

/// Everything between two calls of libjpeg that may jump: no object here has a destructor.
bool run(const MacroblockPicture& picture, const QuantisationTable& luma,
         const QuantisationTable& chroma, Destination& destination, std::size_t* row_ends) {
    jpeg_compress_struct encoder{};
    ErrorExit error{};
    encoder.err = jpeg_std_error(&error.base);
    error.base.error_exit = leave;
    error.base.output_message = [](j_common_ptr) {};
    if (setjmp(error.out) != 0) {
        jpeg_destroy_compress(&encoder);
        return false;
    }
    jpeg_create_compress(&encoder);
    destination.base.init_destination = [](j_compress_ptr self) { destination_of(self).begin(); };
    destination.base.empty_output_buffer = [](j_compress_ptr self) -> boolean {
        // libjpeg calls it when the buffer is full and leaves free_in_buffer as it likes.
        destination_of(self).base.free_in_buffer = 0;
        destination_of(self).flush();
        return TRUE;
    };
    destination.base.term_destination = [](j_compress_ptr self) { destination_of(self).flush(); };
    encoder.dest = &destination.base;

    set_up(&encoder, picture, luma, chroma);
    jpeg_start_compress(&encoder, TRUE);
    JSAMPROW rows[2 * luma_rows];
    JSAMPARRAY planes[3] = {rows, rows + luma_rows, rows + luma_rows + chroma_rows};
    for (std::uint32_t mb_row = 0; mb_row < picture.mb_height; ++mb_row) {
        // libjpeg reads from them only, and its type cannot say so.
        auto row_of = [](const std::vector<std::uint8_t>& plane, std::size_t stride,
                         std::size_t row) {
            return const_cast<JSAMPROW>(plane.data() + stride * row);
        };
        const std::size_t stride = picture.width();
        for (std::uint32_t i = 0; i < luma_rows; ++i)
            planes[0][i] = row_of(picture.y, stride, mb_row * luma_rows + i);
        for (std::uint32_t i = 0; i < chroma_rows; ++i) {
            planes[1][i] = row_of(picture.cb, stride / 2, mb_row * chroma_rows + i);
            planes[2][i] = row_of(picture.cr, stride / 2, mb_row * chroma_rows + i);
        }
        jpeg_write_raw_data(&encoder, planes, luma_rows);
        row_ends[mb_row] = destination.bytes->size() +
                           (destination.buffer.size() - destination.base.free_in_buffer);
    }
    jpeg_finish_compress(&encoder);
    jpeg_destroy_compress(&encoder);
    return true;
}

/// Length of everything in front of the scan, in what libjpeg just wrote.
std::size_t header_size(const std::vector<std::byte>& file) {
    constexpr std::byte start_of_scan{0xda};
    auto at = [&file](std::size_t i) { return std::to_integer<std::size_t>(file.at(i)); };
    std::size_t segment = 2;  // after SOI
    while (true) {
        const bool scan = file.at(segment + 1) == start_of_scan;
        segment += 2 + (at(segment + 2) << 8 | at(segment + 3));
        if (scan) return segment;
    }
}

}  // namespace

MacroblockPicture MacroblockPicture::of(std::uint32_t mb_width, std::uint32_t mb_height) {
    const std::size_t macroblocks = std::size_t{mb_width} * mb_height;
    return {mb_width, mb_height, std::vector<std::uint8_t>(macroblocks * 256),
            std::vector<std::uint8_t>(macroblocks * 64),
            std::vector<std::uint8_t>(macroblocks * 64)};
}

Result<EncodedScan> encode_scan(const MacroblockPicture& picture, const QuantisationTable& luma,
                                const QuantisationTable& chroma) {
    EncodedScan scan;
    scan.row_ends.resize(picture.mb_height);
    Destination destination{};
    destination.bytes = &scan.bytes;
    if (!run(picture, luma, chroma, destination, scan.row_ends.data()))
        return fail_errno("encode JPEG", "libjpeg", ENOMEM);
    const std::size_t header = header_size(scan.bytes);
    scan.bytes.erase(scan.bytes.begin(), scan.bytes.begin() + static_cast<std::ptrdiff_t>(header));
    for (std::size_t& end : scan.row_ends) end -= header;
    scan.row_ends.back() = scan.bytes.size();
    return scan;
}

}  // namespace relfence::board::vpu
