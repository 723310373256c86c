// SPDX-License-Identifier: MIT
#include "mpeg2_driver.hpp"

namespace relfence::board {
namespace {

/// Position, row by row, of each coefficient of a control.
constexpr std::uint8_t zigzag[64] = {
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48,
    41, 34, 27, 20, 13, 6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23,
    30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

constexpr std::uint32_t reg(std::uint32_t number) {
    return number * 4;
}

void set_quantisation(const Mpeg2Job& job, PlainDma& dma, regs::RegisterBank& registers) {
    const auto& control = job.controls->quantisation;
    auto table = dma.at(job.quantisation, 256);
    for (unsigned i = 0; i < 64; ++i) {
        table[zigzag[i]] = control.intra_quantiser_matrix[i];
        table[zigzag[i] + 64U] = control.non_intra_quantiser_matrix[i];
        table[zigzag[i] + 128U] = control.chroma_intra_quantiser_matrix[i];
        table[zigzag[i] + 192U] = control.chroma_non_intra_quantiser_matrix[i];
    }
    registers.write(reg(61), static_cast<std::uint32_t>(job.quantisation));
}

void set_buffers(const Mpeg2Job& job, regs::RegisterBank& registers) {
    const auto& picture = job.controls->picture;
    const auto type = picture.picture_coding_type;
    const auto structure = picture.picture_structure;
    const bool top_first = (picture.flags & V4L2_MPEG2_PIC_FLAG_TOP_FIELD_FIRST) != 0;
    const auto current = static_cast<std::uint32_t>(job.destination);
    std::uint32_t forward = 0, backward = 0;
    if (type == V4L2_MPEG2_PIC_CODING_TYPE_B) backward = static_cast<std::uint32_t>(job.backward);
    if (type != V4L2_MPEG2_PIC_CODING_TYPE_I) forward = static_cast<std::uint32_t>(job.forward);

    registers.write(reg(64), static_cast<std::uint32_t>(job.source));
    registers.write(reg(63),
                    structure == V4L2_MPEG2_PIC_BOTTOM_FIELD ? current + job.width : current);
    if (forward == 0) forward = current;
    if (backward == 0) backward = current;
    const bool first_field = (structure == V4L2_MPEG2_PIC_TOP_FIELD && top_first) ||
                             (structure == V4L2_MPEG2_PIC_BOTTOM_FIELD && !top_first);
    std::uint32_t top = forward, bottom = forward;
    if (structure != V4L2_MPEG2_PIC_FRAME && type != V4L2_MPEG2_PIC_CODING_TYPE_B && !first_field)
        (structure == V4L2_MPEG2_PIC_TOP_FIELD ? bottom : top) = current;
    registers.write(reg(131), top);
    registers.write(reg(148), bottom);
    registers.write(reg(134), backward);
    registers.write(reg(135), backward);
}

}  // namespace

void program_mpeg2(const Mpeg2Job& job, PlainDma& dma, regs::RegisterBank& registers) {
    const auto& sequence = job.controls->sequence;
    const auto& picture = job.controls->picture;
    auto has = [&picture](std::uint32_t flag) { return (picture.flags & flag) != 0 ? 1U : 0U; };
    auto is = [](bool condition) { return condition ? 1U : 0U; };
    const bool inter = picture.picture_coding_type != V4L2_MPEG2_PIC_CODING_TYPE_I;

    registers.write(reg(50), 1U << 8);
    registers.write(reg(51), 1U << 25 | (job.source_size & 0xffffff));
    registers.write(reg(52), 8U << 17);
    registers.write(reg(53), 5);
    registers.write(reg(54), 0x3f);
    registers.write(reg(56), 16U << 16);
    registers.write(reg(57),
                    is((sequence.flags & V4L2_MPEG2_SEQ_FLAG_PROGRESSIVE) == 0) << 17 |
                        is(picture.picture_structure != V4L2_MPEG2_PIC_FRAME) << 16 |
                        is(picture.picture_coding_type == V4L2_MPEG2_PIC_CODING_TYPE_B) << 15 |
                        is(inter) << 14 |
                        is(picture.picture_structure == V4L2_MPEG2_PIC_TOP_FIELD) << 13 | 1U << 5 |
                        1U << 4);
    registers.write(reg(120), job.width / 16 << 23 | (job.height / 16 & 0xff) << 11 |
                                  has(V4L2_MPEG2_PIC_FLAG_ALT_SCAN) << 6 |
                                  has(V4L2_MPEG2_PIC_FLAG_TOP_FIELD_FIRST) << 5);
    registers.write(reg(122), has(V4L2_MPEG2_PIC_FLAG_Q_SCALE_TYPE) << 24 |
                                  has(V4L2_MPEG2_PIC_FLAG_CONCEALMENT_MV) << 4 |
                                  (picture.intra_dc_precision & 3U) << 2 |
                                  has(V4L2_MPEG2_PIC_FLAG_INTRA_VLC) << 1 |
                                  has(V4L2_MPEG2_PIC_FLAG_FRAME_PRED_DCT));
    registers.write(reg(136),
                    has(V4L2_MPEG2_PIC_FLAG_ALT_SCAN) << 19 | (picture.f_code[0][0] & 15U) << 15 |
                        (picture.f_code[0][1] & 15U) << 11 | (picture.f_code[1][0] & 15U) << 7 |
                        (picture.f_code[1][1] & 15U) << 3 | 1U << 2 | 1U << 1);
    set_quantisation(job, dma, registers);
    set_buffers(job, registers);
    registers.write(reg(57), registers.read(reg(57)) | 1U);
}

}  // namespace relfence::board
