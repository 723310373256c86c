// SPDX-License-Identifier: MIT
#include "jobs/mpeg2_frames.hpp"

#include <array>
#include <bit>
#include <cstdlib>
#include <linux/videodev2.h>
#include <string_view>

#include "jobs/bit_writer.hpp"
#include "stateless/mpeg2_headers.hpp"

namespace relfence::jobs {
namespace {

/// Sizes of DC differences of luma, ISO/IEC 13818-2 table B.12.
constexpr std::array<std::string_view, 9> luma_sizes{"100",  "00",    "01",     "101",    "110",
                                                     "1110", "11110", "111110", "1111110"};
constexpr std::string_view chroma_without_difference = "00";
constexpr std::string_view end_of_block = "10";

void start_code(BitWriter& to, std::uint32_t code) {
    to.align();
    to.put(32, 0x100 | code);
}

void write_headers(BitWriter& to, unsigned width, unsigned height, unsigned index) {
    start_code(to, 0xb3);
    to.put(12, width);
    to.put(12, height);
    to.put(8, 1U << 4 | 3);  // square pixels, 25 Hz
    to.put(18, 5000);
    to.put(1, 1);
    to.put(10, 100);
    to.put(3, 0);  // the default matrices
    start_code(to, 0xb5);
    to.put(4, 1);
    to.put(8, 0x44);  // main profile, high level
    to.put(1, 1);     // progressive
    to.put(2, 1);     // 4:2:0
    to.put(16, 0);
    to.put(1, 1);
    to.put(8, 0);
    to.put(1, 1);  // low_delay: no B pictures, a decoder need not wait for the next one
    to.put(7, 0);
    start_code(to, 0x00);
    to.put(10, index % 1024);
    to.put(3, 1);  // intra
    to.put(16, 0xffff);
    to.put(1, 0);
    start_code(to, 0xb5);
    to.put(4, 8);
    to.put(16, 0xffff);
    to.put(2, 0);  // DC of 8 bits
    to.put(2, 3);  // a frame
    to.put(1, 0);
    to.put(1, 1);  // no fields within it
    to.put(6, 0);
    to.put(1, 1);  // progressive
    to.put(1, 0);
}

/// @param difference to what is predicted, not 0
void write_dc(BitWriter& to, int difference) {
    const auto size =
        static_cast<unsigned>(std::bit_width(static_cast<unsigned>(std::abs(difference))));
    to.code(luma_sizes[size]);
    to.put(size,
           static_cast<std::uint32_t>(difference > 0 ? difference : difference + (1 << size) - 1));
}

void write_slice(BitWriter& to, unsigned row, unsigned columns, int shade) {
    start_code(to, row + 1);
    to.put(5, 1);  // quantiser
    to.put(1, 0);
    for (unsigned column = 0; column < columns; ++column) {
        to.code("11");  // the next macroblock, intra
        for (unsigned block = 0; block < 4; ++block) {
            if (column == 0 && block == 0)
                write_dc(to, shade);
            else
                to.code(luma_sizes[0]);
            to.code(end_of_block);
        }
        for (unsigned block = 0; block < 2; ++block) {
            to.code(chroma_without_difference);
            to.code(end_of_block);
        }
    }
}

class Mpeg2Frames final : public FrameSource {
  public:
    Mpeg2Frames(unsigned width, unsigned height) : width_{width}, height_{height} {}

    [[nodiscard]] std::uint32_t coded_format() const override { return V4L2_PIX_FMT_MPEG2_SLICE; }
    [[nodiscard]] unsigned width() const override { return width_; }
    [[nodiscard]] unsigned height() const override { return height_; }
    [[nodiscard]] std::size_t largest() const override { return std::size_t{width_} * height_; }
    Result<CodedFrame> frame(unsigned index, std::uint64_t /*timestamp*/) override {
        stream_ = make_mpeg2_stream(width_, height_, index);
        auto pictures = stateless::parse_mpeg2(stream_);
        if (!pictures) return tl::make_unexpected(pictures.error());
        picture_ = pictures->front();
        auto data = picture_.slices;
        if (broken_) data = data.first(data.size() / 4);
        return CodedFrame{
            data,
            {{V4L2_CID_STATELESS_MPEG2_SEQUENCE, &picture_.sequence, sizeof picture_.sequence},
             {V4L2_CID_STATELESS_MPEG2_PICTURE, &picture_.picture, sizeof picture_.picture},
             {V4L2_CID_STATELESS_MPEG2_QUANTISATION, &picture_.quantisation,
              sizeof picture_.quantisation}}};
    }
    bool spoil() override { return broken_ = true; }

  private:
    unsigned width_;
    unsigned height_;
    bool broken_ = false;
    std::vector<std::uint8_t> stream_;
    stateless::Mpeg2CodedPicture picture_;
};

}  // namespace

std::vector<std::uint8_t> make_mpeg2_stream(unsigned width, unsigned height, unsigned index) {
    BitWriter to;
    write_headers(to, width, height, index);
    for (unsigned row = 0; row < height / 16; ++row)
        write_slice(to, row, width / 16, -100 + static_cast<int>((row * 7 + index * 61) % 99));
    return to.bytes();
}

std::unique_ptr<FrameSource> mpeg2_frames(unsigned width, unsigned height) {
    return std::make_unique<Mpeg2Frames>(width, height);
}

}  // namespace relfence::jobs
