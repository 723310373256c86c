// SPDX-License-Identifier: MIT
#include "vp8_driver.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace relfence::testing {
namespace {

using regs::RegisterBank;

/// struct hantro_reg: the mask is that of the value before the shift.
struct Slot {
    std::uint32_t base, shift, mask;
};

void put(RegisterBank& registers, const Slot& slot, std::uint32_t value) {
    const std::uint32_t rest = registers.read(slot.base) & ~(slot.mask << slot.shift);
    registers.write(slot.base, rest | (value & slot.mask) << slot.shift);
}

constexpr std::array<std::uint32_t, 8> dct_bases{0x100, 0x230, 0x234, 0x238,
                                                 0x23c, 0x240, 0x248, 0x24c};
constexpr std::array<Slot, 8> dct_starts{{{0x1e8, 26, 0x3f},
                                          {0x1e4, 26, 0x3f},
                                          {0x1e4, 20, 0x3f},
                                          {0x258, 24, 0x3f},
                                          {0x258, 18, 0x3f},
                                          {0x258, 12, 0x3f},
                                          {0x258, 6, 0x3f},
                                          {0x258, 0, 0x3f}}};

// Register and shift of each tap of 10 bits, in the order of the registers' packing: three to a
// register, from bit 22 down by 10, 0x0ec first, then 0x264 to 0x278, then 0x1f4 to 0x200.
constexpr std::array<std::uint32_t, 11> tap_registers{0x0ec, 0x264, 0x268, 0x26c, 0x270, 0x274,
                                                      0x278, 0x1f4, 0x1f8, 0x1fc, 0x200};
constexpr int filters[8][6] = {{0, 0, 128, 0, 0, 0},     {0, -6, 123, 12, -1, 0},
                               {2, -11, 108, 36, -8, 1}, {0, -9, 93, 50, -6, 0},
                               {3, -16, 77, 77, -16, 3}, {0, -6, 50, 93, -9, 0},
                               {1, -8, 36, 108, -11, 2}, {0, -1, 12, 123, -6, 0}};

void put_taps(RegisterBank& registers) {
    std::uint32_t index = 0;
    for (const auto& filter : filters)
        for (int tap = 1; tap <= 4; ++tap, ++index)
            put(registers, {tap_registers[index / 3], 22 - index % 3 * 10, 0x3ff},
                static_cast<std::uint32_t>(filter[tap]));
    for (std::uint32_t i = 0; i < 3; ++i) {
        put(registers, {0x200, 10 - 4 * i, 3}, static_cast<std::uint32_t>(filters[2 + 2 * i][0]));
        put(registers, {0x200, 8 - 4 * i, 3}, static_cast<std::uint32_t>(filters[2 + 2 * i][5]));
    }
}

void put_filter(RegisterBank& registers, const v4l2_ctrl_vp8_frame& frame) {
    const v4l2_vp8_segment& segment = frame.segment;
    for (std::uint32_t i = 0; i < 4; ++i) {
        const Slot level{0x204, 18 - 6 * i, 0x3f};
        if (!(segment.flags & V4L2_VP8_SEGMENT_FLAG_ENABLED)) {
            if (i == 0) put(registers, level, frame.lf.level);
        } else if (segment.flags & V4L2_VP8_SEGMENT_FLAG_DELTA_VALUE_MODE) {
            put(registers, level,
                static_cast<std::uint32_t>(
                    std::clamp(frame.lf.level + segment.lf_update[i], 0, 63)));
        } else {
            put(registers, level, static_cast<std::uint32_t>(segment.lf_update[i]));
        }
    }
    registers.write(0x210, (frame.lf.sharpness_level & 7U) << 28U |
                               (frame.lf.flags & V4L2_VP8_LF_FILTER_TYPE_SIMPLE ? 1U << 31U : 0U));
    if (!(frame.lf.flags & V4L2_VP8_LF_ADJ_ENABLE)) return;
    for (std::uint32_t i = 0; i < 4; ++i) {
        put(registers, {0x210, 21 - 7 * i, 0x7f},
            static_cast<std::uint32_t>(frame.lf.mb_mode_delta[i]));
        put(registers, {0x214, 21 - 7 * i, 0x7f},
            static_cast<std::uint32_t>(frame.lf.ref_frm_delta[i]));
    }
}

void put_quantisers(RegisterBank& registers, const v4l2_ctrl_vp8_frame& frame) {
    constexpr std::array<Slot, 4> quants{
        {{0x208, 11, 0x7ff}, {0x208, 0, 0x7ff}, {0x25c, 11, 0x7ff}, {0x25c, 0, 0x7ff}}};
    constexpr std::array<Slot, 5> deltas{{{0x208, 27, 0x1f},
                                          {0x208, 22, 0x1f},
                                          {0x25c, 27, 0x1f},
                                          {0x25c, 22, 0x1f},
                                          {0x260, 27, 0x1f}}};
    const v4l2_vp8_segment& segment = frame.segment;
    const v4l2_vp8_quantization& quant = frame.quant;
    for (std::size_t i = 0; i < 4; ++i) {
        if (!(segment.flags & V4L2_VP8_SEGMENT_FLAG_ENABLED)) {
            if (i == 0) put(registers, quants[i], quant.y_ac_qi);
        } else if (segment.flags & V4L2_VP8_SEGMENT_FLAG_DELTA_VALUE_MODE) {
            put(registers, quants[i],
                static_cast<std::uint32_t>(
                    std::clamp(quant.y_ac_qi + segment.quant_update[i], 0, 127)));
        } else {
            put(registers, quants[i], static_cast<std::uint32_t>(segment.quant_update[i]));
        }
    }
    const std::array<int, 5> values{quant.y_dc_delta, quant.y2_dc_delta, quant.y2_ac_delta,
                                    quant.uv_dc_delta, quant.uv_ac_delta};
    for (std::size_t i = 0; i < 5; ++i)
        put(registers, deltas[i], static_cast<std::uint32_t>(values[i]));
}

void put_partitions(RegisterBank& registers, const v4l2_ctrl_vp8_frame& frame,
                    std::uint32_t stream) {
    const std::uint32_t first = frame.flags & V4L2_VP8_FRAME_FLAG_KEY_FRAME ? 10 : 3;
    const std::uint32_t bits = first * 8 + frame.first_part_header_bits + 8;
    const std::uint32_t bytes = bits / 8;
    const std::uint32_t aligned = bytes & ~7U;
    registers.write(0x244, stream + aligned);
    put(registers, {0x1e8, 18, 0x3f}, bits - aligned * 8);
    put(registers, {0x1f0, 0, 0x3fffff}, frame.first_part_size - (bytes - first) + (bytes & 7U));

    const std::uint32_t sizes = first + frame.first_part_size;
    std::uint32_t total = (frame.num_dct_parts - 1U) * 3 + (sizes & 7U);
    std::uint32_t at = sizes + (frame.num_dct_parts - 1U) * 3;
    put(registers, {0x1f0, 24, 0xf}, frame.num_dct_parts - 1U);
    for (std::size_t i = 0; i < frame.num_dct_parts; ++i) {
        registers.write(dct_bases[i], (stream + at) & ~7U);
        put(registers, dct_starts[i], (at & 7U) * 8);
        at += frame.dct_part_sizes[i];
        total += frame.dct_part_sizes[i];
    }
    put(registers, {0x0cc, 0, 0xffffff}, total);
}

void put_buffers(RegisterBank& registers, const v4l2_ctrl_vp8_frame& frame,
                 const Vp8Buffers& buffers) {
    const auto found = [&](std::uint32_t address) {
        return address != 0 ? address : buffers.output;
    };
    registers.write(0x20c, found(buffers.last));
    registers.write(0x220, found(buffers.golden) |
                               (frame.flags & V4L2_VP8_FRAME_FLAG_SIGN_BIAS_GOLDEN ? 1U : 0U));
    registers.write(0x224, found(buffers.alternative) |
                               (frame.flags & V4L2_VP8_FRAME_FLAG_SIGN_BIAS_ALT ? 1U : 0U));
    registers.write(0x0f4, buffers.probabilities);
    std::uint32_t map = buffers.segment_map;
    if (frame.segment.flags & V4L2_VP8_SEGMENT_FLAG_ENABLED) {
        map |= 1U;
        if (frame.segment.flags & V4L2_VP8_SEGMENT_FLAG_UPDATE_MAP) map |= 2U;
    }
    registers.write(0x254, map);
    registers.write(0x0fc, buffers.output);
}

}  // namespace

RegisterBank vdpu2_registers() {
    static const std::vector<regs::Register> list = [] {
        std::vector<regs::Register> all;
        for (std::uint32_t offset = 0; offset < 0x400; offset += 4)
            all.push_back({"swreg", offset, 0, true});
        return all;
    }();
    return RegisterBank{"vdpu2", 0x400, list, {}};
}

void program_vp8(RegisterBank& registers, const v4l2_ctrl_vp8_frame& frame,
                 const Vp8Buffers& buffers, unsigned width, unsigned height) {
    registers.reset();
    registers.write(0x0e4, frame.flags & V4L2_VP8_FRAME_FLAG_KEY_FRAME ? 0x30U : 0x4030U);
    registers.write(0x0d8, 0x3f);
    registers.write(0x0e0, 16U << 16U);
    registers.write(0x0d4, 10);
    if (!(frame.flags & V4L2_VP8_FRAME_FLAG_MB_NO_SKIP_COEFF)) put(registers, {0x0c8, 9, 1}, 1);
    if (frame.lf.level == 0) put(registers, {0x0c8, 8, 1}, 1);

    const std::uint32_t columns = (width + 15) / 16;
    const std::uint32_t rows = (height + 15) / 16;
    put(registers, {0x1e0, 23, 0x1ff}, columns);
    put(registers, {0x1e0, 11, 0xff}, rows);
    put(registers, {0x1e0, 3, 7}, columns >> 9U);
    put(registers, {0x1e0, 0, 7}, rows >> 8U);
    put(registers, {0x1e8, 0, 0xff}, frame.coder_state.range);
    put(registers, {0x1e8, 8, 0xff}, frame.coder_state.value);
    std::uint32_t kind = registers.read(0x1e4);
    if (frame.version != 3) kind |= 1U << 13U;
    if ((frame.version & 3U) != 0) kind |= 1U << 12U;
    registers.write(0x1e4, kind);

    put_filter(registers, frame);
    put_quantisers(registers, frame);
    put_partitions(registers, frame, buffers.stream);
    if ((frame.version & 3U) == 0) put_taps(registers);
    put_buffers(registers, frame, buffers);
    put(registers, {0x0e4, 0, 1}, 1);
}

void write_vp8_probabilities(const v4l2_ctrl_vp8_frame& frame, std::span<std::byte> table) {
    const v4l2_vp8_entropy& entropy = frame.entropy;
    std::size_t at = 0;
    const auto add = [&](unsigned value) { table[at++] = static_cast<std::byte>(value); };
    add(frame.prob_skip_false);
    add(frame.prob_intra);
    add(frame.prob_last);
    add(frame.prob_gf);
    for (const auto probability : frame.segment.segment_probs) add(probability);
    add(0);
    for (const auto probability : entropy.y_mode_probs) add(probability);
    for (const auto probability : entropy.uv_mode_probs) add(probability);
    add(0);
    for (const unsigned node : {0U, 1U})
        for (const auto& vector : entropy.mv_probs) add(vector[node]);
    for (const auto& vector : entropy.mv_probs)
        for (const unsigned node : {17U, 18U}) add(vector[node]);
    for (const auto& vector : entropy.mv_probs)
        for (unsigned node = 9; node < 17; ++node) add(vector[node]);
    for (const auto& vector : entropy.mv_probs) {
        for (unsigned node = 2; node < 9; ++node) add(vector[node]);
        add(0);
    }
    const auto each_context = [&](auto what) {
        for (const auto& block : entropy.coeff_probs)
            for (const auto& band : block)
                for (const auto& context : band) what(context);
    };
    each_context([&](const auto& nodes) {
        for (unsigned i = 0; i < 4; ++i) add(nodes[i]);
    });
    each_context([&](const auto& nodes) {
        for (unsigned i = 4; i < 11; ++i) add(nodes[i]);
        add(0);
    });
}

}  // namespace relfence::testing
