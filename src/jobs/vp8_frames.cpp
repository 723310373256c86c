// SPDX-License-Identifier: MIT
#include "jobs/vp8_frames.hpp"

#include <linux/videodev2.h>

#include "stateless/vp8_parser.hpp"
#include "vp8/bool_coder.hpp"
#include "vp8/tables.hpp"

namespace relfence::jobs {
namespace {

/// One step of a band's coefficient is then some five levels of grey.
constexpr unsigned quantiser = 127;
/// That a macroblock has coefficients, which the first one of each row has.
constexpr vp8::Probability has_coefficients = 4;

/// Bytes, as a word.
constexpr std::size_t fetched_ahead = 4;

/// Kinds of blocks, as the table of probabilities counts them.
enum BlockKind : std::size_t { luma_after_dc = 0, luma_dc = 1, chroma = 2 };

const vp8::Probability* probabilities(BlockKind kind, std::size_t band, std::size_t context) {
    return &vp8::default_coefficients[((kind * 8 + band) * 3 + context) * 11];
}

/// An end of block where a coefficient may be.
void write_end(vp8::BoolEncoder& to, BlockKind kind, std::size_t band, std::size_t context) {
    to.write(false, probabilities(kind, band, context)[0]);
}

/// The one coefficient that a band has: the average of all sixteen luma blocks.
/// @param value 1 to 4 @param above whether the macroblock above has one too
void write_average(vp8::BoolEncoder& to, int value, bool negative, bool above) {
    const vp8::Probability* const p = probabilities(luma_dc, 0, above ? 1 : 0);
    to.write(true, p[0]);  // not the end
    to.write(true, p[1]);  // not zero
    to.write(value > 1, p[2]);
    if (value > 1) {
        to.write(false, p[3]);  // at most 4
        to.write(value > 2, p[4]);
        if (value > 2) to.write(value > 3, p[5]);
    }
    to.flag(negative);
    write_end(to, luma_dc, 1, value > 1 ? 2 : 1);
}

/// What a macroblock is predicted from: whatever is left of it, luma and chroma.
void write_horizontal(vp8::BoolEncoder& to) {
    const auto& luma = vp8::key_frame_modes.luma;
    to.write(true, luma[0]);   // not in blocks
    to.write(true, luma[1]);   // horizontal or TrueMotion
    to.write(false, luma[3]);  // horizontal
    const auto& modes = vp8::key_frame_modes.chroma;
    to.write(true, modes[0]);
    to.write(true, modes[1]);
    to.write(false, modes[2]);  // horizontal
}

void write_header(vp8::BoolEncoder& to) {
    to.literal(0, 2);   // colour space, clamping
    to.flag(false);     // segments
    to.literal(0, 10);  // filter: type, level, sharpness
    to.flag(false);     // filter deltas
    to.literal(0, 2);   // one partition of coefficients
    to.literal(quantiser, 7);
    to.literal(0, 5);  // quantiser deltas
    to.flag(false);    // keep probabilities
    for (const vp8::Probability update : vp8::coefficient_update) to.write(false, update);
    to.flag(true);  // macroblocks without coefficients are told
    to.literal(has_coefficients, 8);
}

class Vp8Frames final : public FrameSource {
  public:
    Vp8Frames(unsigned width, unsigned height) : width_{width}, height_{height} {}

    [[nodiscard]] std::uint32_t coded_format() const override { return V4L2_PIX_FMT_VP8_FRAME; }
    [[nodiscard]] unsigned width() const override { return width_; }
    [[nodiscard]] unsigned height() const override { return height_; }
    [[nodiscard]] std::size_t largest() const override { return std::size_t{width_} * height_; }
    Result<CodedFrame> frame(unsigned index, std::uint64_t /*timestamp*/) override {
        data_ = make_vp8_frame(width_, height_, index);
        // Each is a key frame: a parser of its own, and no references.
        auto picture = stateless::Vp8Parser{}.parse(data_);
        if (!picture) return tl::make_unexpected(picture.error());
        control_ = picture->control;
        if (broken_) {
            // The codec finds that the modes of most macroblocks are not there.
            data_.resize(data_.size() / 4);
        }
        return CodedFrame{data_, {{V4L2_CID_STATELESS_VP8_FRAME, &control_, sizeof control_}}};
    }
    bool spoil() override { return broken_ = true; }

  private:
    unsigned width_;
    unsigned height_;
    bool broken_ = false;
    std::vector<std::uint8_t> data_;
    v4l2_ctrl_vp8_frame control_{};
};

}  // namespace

std::vector<std::uint8_t> make_vp8_frame(unsigned width, unsigned height, unsigned index) {
    std::vector<std::uint8_t> modes;
    std::vector<std::uint8_t> coefficients;
    vp8::BoolEncoder first{modes};
    vp8::BoolEncoder second{coefficients};
    write_header(first);
    for (unsigned row = 0; row < height / 16; ++row)
        for (unsigned column = 0; column < width / 16; ++column) {
            first.write(column != 0, has_coefficients);  // none: as what is left of it
            write_horizontal(first);
            if (column != 0) continue;
            const unsigned shade = (row * 3 + index * 5) % 8;
            write_average(second, static_cast<int>(1 + shade / 2), shade % 2 != 0, row != 0);
            for (unsigned block = 0; block < 16; ++block) write_end(second, luma_after_dc, 1, 0);
            for (unsigned block = 0; block < 8; ++block) write_end(second, chroma, 0, 0);
        }
    first.finish();
    second.finish();
    // Zeros that mean nothing. Decoders fetch some bytes ahead, and to some of them the end of the
    // data is the end of the picture, though bits are left that they have fetched.
    for (auto* const partition : {&modes, &coefficients})
        partition->insert(partition->end(), fetched_ahead, 0);

    std::vector<std::uint8_t> frame;
    const auto put = [&frame](std::size_t value, unsigned bytes) {
        for (unsigned i = 0; i < bytes; ++i)
            frame.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    };
    constexpr std::size_t shown_key_frame = 1U << 4U;
    put(shown_key_frame | modes.size() << 5U, 3);
    put(0x2a019d, 3);
    put(width, 2);
    put(height, 2);
    frame.insert(frame.end(), modes.begin(), modes.end());
    frame.insert(frame.end(), coefficients.begin(), coefficients.end());
    return frame;
}

std::unique_ptr<FrameSource> vp8_frames(unsigned width, unsigned height) {
    return std::make_unique<Vp8Frames>(width, height);
}

}  // namespace relfence::jobs
