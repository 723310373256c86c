// SPDX-License-Identifier: MIT
#include "stateless/vp8_parser.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "vp8/bool_coder.hpp"
#include "vp8/tables.hpp"

namespace relfence::stateless {
namespace {

constexpr std::size_t tag_bytes = 3;
constexpr std::size_t key_frame_bytes = 10;
constexpr unsigned highest_version = 3;

tl::unexpected<Error> refuse(std::string_view what) {
    return fail_errno("VP8 frame", what, EBADMSG);
}

/// A magnitude and a sign.
int read_signed(vp8::BoolDecoder& from, unsigned width) {
    const int magnitude = static_cast<int>(from.literal(width));
    return from.flag() ? -magnitude : magnitude;
}

template <typename To>
void read_optional_signed(vp8::BoolDecoder& from, unsigned width, To& value) {
    if (from.flag()) value = static_cast<To>(read_signed(from, width));
}

void set(std::uint32_t& flags, std::uint32_t flag, bool on) {
    flags = on ? flags | flag : flags & ~flag;
}

void read_segment(vp8::BoolDecoder& from, v4l2_vp8_segment& segment) {
    const std::uint32_t mode = segment.flags & V4L2_VP8_SEGMENT_FLAG_DELTA_VALUE_MODE;
    segment.flags = mode;
    if (!from.flag()) return;
    const bool new_map = from.flag();
    const bool new_values = from.flag();
    segment.flags |= V4L2_VP8_SEGMENT_FLAG_ENABLED;
    set(segment.flags, V4L2_VP8_SEGMENT_FLAG_UPDATE_MAP, new_map);
    set(segment.flags, V4L2_VP8_SEGMENT_FLAG_UPDATE_FEATURE_DATA, new_values);
    if (new_values) {
        set(segment.flags, V4L2_VP8_SEGMENT_FLAG_DELTA_VALUE_MODE, !from.flag());
        for (auto& value : segment.quant_update) {
            value = 0;
            read_optional_signed(from, 7, value);
        }
        for (auto& value : segment.lf_update) {
            value = 0;
            read_optional_signed(from, 6, value);
        }
    }
    if (new_map)
        for (auto& probability : segment.segment_probs)
            probability = from.flag() ? static_cast<std::uint8_t>(from.literal(8)) : 255;
}

void read_filter(vp8::BoolDecoder& from, v4l2_vp8_loop_filter& filter) {
    filter.flags = 0;
    set(filter.flags, V4L2_VP8_LF_FILTER_TYPE_SIMPLE, from.flag());
    filter.level = static_cast<std::uint8_t>(from.literal(6));
    filter.sharpness_level = static_cast<std::uint8_t>(from.literal(3));
    if (!from.flag()) return;
    filter.flags |= V4L2_VP8_LF_ADJ_ENABLE;
    if (!from.flag()) return;
    filter.flags |= V4L2_VP8_LF_DELTA_UPDATE;
    for (auto& delta : filter.ref_frm_delta) read_optional_signed(from, 6, delta);
    for (auto& delta : filter.mb_mode_delta) read_optional_signed(from, 6, delta);
}

void read_quantisers(vp8::BoolDecoder& from, v4l2_vp8_quantization& quant) {
    quant.y_ac_qi = static_cast<std::uint8_t>(from.literal(7));
    for (auto* delta : {&quant.y_dc_delta, &quant.y2_dc_delta, &quant.y2_ac_delta,
                        &quant.uv_dc_delta, &quant.uv_ac_delta}) {
        *delta = 0;
        read_optional_signed(from, 4, *delta);
    }
}

void read_coefficients(vp8::BoolDecoder& from, v4l2_vp8_entropy& entropy) {
    auto* const table = &entropy.coeff_probs[0][0][0][0];
    static_assert(sizeof entropy.coeff_probs == std::tuple_size_v<vp8::CoefficientTable>);
    for (std::size_t i = 0; i < vp8::coefficient_update.size(); ++i)
        if (from.read(vp8::coefficient_update[i]))
            table[i] = static_cast<std::uint8_t>(from.literal(8));
}

void read_mode_probabilities(vp8::BoolDecoder& from, v4l2_vp8_entropy& entropy) {
    if (from.flag())
        for (auto& mode : entropy.y_mode_probs) mode = static_cast<std::uint8_t>(from.literal(8));
    if (from.flag())
        for (auto& mode : entropy.uv_mode_probs) mode = static_cast<std::uint8_t>(from.literal(8));
    for (std::size_t i = 0; i < 2; ++i)
        for (std::size_t node = 0; node < V4L2_VP8_MV_PROB_CNT; ++node)
            if (from.read(vp8::motion_update[i][node])) {
                const unsigned value = from.literal(7);
                entropy.mv_probs[i][node] =
                    static_cast<std::uint8_t>(value != 0 ? value << 1U : 1U);
            }
}

void set_modes(v4l2_vp8_entropy& entropy, const vp8::ModeProbabilities& modes) {
    std::ranges::copy(modes.luma, entropy.y_mode_probs);
    std::ranges::copy(modes.chroma, entropy.uv_mode_probs);
}

/// Where the golden or alternative frame comes from. @param other for the value 2
Result<Vp8Source> source_of(unsigned copy, Vp8Source other) {
    switch (copy) {
        case 0:
            return Vp8Source::kept;
        case 1:
            return Vp8Source::last;
        case 2:
            return other;
        default:
            return refuse("copies an unknown reference");
    }
}

Result<void> read_references(vp8::BoolDecoder& from, Vp8Picture& picture,
                             std::uint64_t& sign_bias) {
    const bool new_golden = from.flag();
    const bool new_alternative = from.flag();
    Result<Vp8Source> golden = Vp8Source::current;
    if (!new_golden) golden = source_of(from.literal(2), Vp8Source::alternative);
    Result<Vp8Source> alternative = Vp8Source::current;
    if (!new_alternative) alternative = source_of(from.literal(2), Vp8Source::golden);
    if (!golden) return tl::make_unexpected(golden.error());
    if (!alternative) return tl::make_unexpected(alternative.error());
    picture.golden = *golden;
    picture.alternative = *alternative;
    sign_bias = 0;
    if (from.flag()) sign_bias |= V4L2_VP8_FRAME_FLAG_SIGN_BIAS_GOLDEN;
    if (from.flag()) sign_bias |= V4L2_VP8_FRAME_FLAG_SIGN_BIAS_ALT;
    return {};
}

/// The sizes of the coefficient partitions, 3 bytes each but for the last, which has the rest.
Result<void> read_partitions(std::span<const std::uint8_t> rest, v4l2_ctrl_vp8_frame& control) {
    const std::size_t sizes = std::size_t{3} * (control.num_dct_parts - 1U);
    if (rest.size() < sizes) return refuse("ends within the partition sizes");
    std::size_t left = rest.size() - sizes;
    for (unsigned i = 0; i < control.num_dct_parts; ++i) {
        std::size_t size = left;
        if (i + 1U < control.num_dct_parts) {
            const auto* const bytes = &rest[std::size_t{3} * i];
            size = bytes[0] | std::size_t{bytes[1]} << 8U | std::size_t{bytes[2]} << 16U;
        }
        if (size > left) return refuse(fmt::format("ends within coefficient partition {}", i));
        control.dct_part_sizes[i] = static_cast<std::uint32_t>(size);
        left -= size;
    }
    return {};
}

}  // namespace

Result<Vp8Picture> Vp8Parser::parse(std::span<const std::uint8_t> frame) {
    if (frame.size() < tag_bytes) return refuse("is too short");
    const std::uint32_t tag = frame[0] | static_cast<std::uint32_t>(frame[1]) << 8U |
                              static_cast<std::uint32_t>(frame[2]) << 16U;
    const bool key_frame = (tag & 1U) == 0;
    State next = state_;
    Vp8Picture picture;
    v4l2_ctrl_vp8_frame& control = picture.control;
    control.version = tag >> 1U & 7U;
    if (control.version > highest_version) return refuse("has an unknown version");
    control.first_part_size = tag >> 5U;
    if (key_frame) {
        if (frame.size() < key_frame_bytes) return refuse("is too short");
        if (frame[3] != 0x9d || frame[4] != 0x01 || frame[5] != 0x2a)
            return refuse("has no start code");
        next.started = true;
        const unsigned width = frame[6] | static_cast<unsigned>(frame[7]) << 8U;
        const unsigned height = frame[8] | static_cast<unsigned>(frame[9]) << 8U;
        next.width = width & 0x3fffU;
        next.height = height & 0x3fffU;
        next.horizontal_scale = static_cast<std::uint8_t>(width >> 14U);
        next.vertical_scale = static_cast<std::uint8_t>(height >> 14U);
        if (next.width == 0 || next.height == 0) return refuse("has no size");
        next.segment = {};
        next.segment.flags = V4L2_VP8_SEGMENT_FLAG_DELTA_VALUE_MODE;
        next.filter = {};
        next.sign_bias = 0;
        std::memcpy(next.entropy.coeff_probs, vp8::default_coefficients.data(),
                    sizeof next.entropy.coeff_probs);
        set_modes(next.entropy, vp8::default_modes);
        for (std::size_t i = 0; i < 2; ++i)
            std::ranges::copy(vp8::default_modes.motion[i], next.entropy.mv_probs[i]);
    }
    if (!next.started) return refuse("comes before any key frame");
    const auto body = frame.subspan(key_frame ? key_frame_bytes : tag_bytes);
    if (control.first_part_size > body.size()) return refuse("ends within the first partition");

    vp8::BoolDecoder from{body.first(control.first_part_size)};
    if (key_frame) static_cast<void>(from.literal(2));  // colour space, clamping: no use for them
    read_segment(from, next.segment);
    read_filter(from, next.filter);
    control.num_dct_parts = static_cast<std::uint8_t>(1U << from.literal(2));
    read_quantisers(from, control.quant);
    if (key_frame)
        picture.golden = picture.alternative = Vp8Source::current;
    else if (auto ok = read_references(from, picture, next.sign_bias); !ok)
        return tl::make_unexpected(ok.error());
    const bool keep_probabilities = from.flag();
    const v4l2_vp8_entropy before = next.entropy;
    if (key_frame || from.flag()) picture.last = Vp8Source::current;
    read_coefficients(from, next.entropy);
    const bool skip_flags = from.flag();
    if (skip_flags) control.prob_skip_false = static_cast<std::uint8_t>(from.literal(8));
    if (!key_frame) {
        control.prob_intra = static_cast<std::uint8_t>(from.literal(8));
        control.prob_last = static_cast<std::uint8_t>(from.literal(8));
        control.prob_gf = static_cast<std::uint8_t>(from.literal(8));
        read_mode_probabilities(from, next.entropy);
    }
    if (from.truncated()) return refuse("ends within its header");

    const vp8::BoolDecoder::State state = from.state();
    control.first_part_header_bits = static_cast<std::uint32_t>(state.next_bit - 8);
    control.coder_state.range = state.range;
    control.coder_state.value = state.value;
    control.coder_state.bit_count = static_cast<std::uint8_t>((8 - state.next_bit % 8) % 8);
    if (auto ok = read_partitions(body.subspan(control.first_part_size), control); !ok)
        return tl::make_unexpected(ok.error());
    control.segment = next.segment;
    control.lf = next.filter;
    control.entropy = next.entropy;
    // The hardware reads the fixed probabilities of key frames from the same place.
    if (key_frame) set_modes(control.entropy, vp8::key_frame_modes);
    control.width = next.width;
    control.height = next.height;
    control.horizontal_scale = next.horizontal_scale;
    control.vertical_scale = next.vertical_scale;
    control.flags = next.sign_bias | (key_frame ? V4L2_VP8_FRAME_FLAG_KEY_FRAME : 0U) |
                    ((tag >> 4U & 1U) != 0 ? V4L2_VP8_FRAME_FLAG_SHOW_FRAME : 0U) |
                    (skip_flags ? V4L2_VP8_FRAME_FLAG_MB_NO_SKIP_COEFF : 0U);
    if (!keep_probabilities) next.entropy = before;
    state_ = next;
    return picture;
}

}  // namespace relfence::stateless
