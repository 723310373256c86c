// SPDX-License-Identifier: MIT
#include "board/vpu/vp8_job.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "board/vpu/vp8_fields.hpp"

namespace relfence::board::vpu {
namespace {

namespace fields = vp8_fields;

/// What a frame header can say at most of each.
constexpr unsigned most_macroblocks = 0x3fff / 16;
constexpr unsigned highest_quantiser = 127;
constexpr int widest_quantiser_delta = 15;
constexpr int widest_filter_delta = 63;

tl::unexpected<Error> refuse(std::string_view what) {
    return fail_errno("vp8", what, EBADMSG);
}

/// RFC 6386, section 18.3. The hardware takes any; the model's decoder has just these.
constexpr std::array<std::array<int, 6>, 8> six_taps{{{0, 0, 128, 0, 0, 0},
                                                      {0, -6, 123, 12, -1, 0},
                                                      {2, -11, 108, 36, -8, 1},
                                                      {0, -9, 93, 50, -6, 0},
                                                      {3, -16, 77, 77, -16, 3},
                                                      {0, -6, 50, 93, -9, 0},
                                                      {1, -8, 36, 108, -11, 2},
                                                      {0, -1, 12, 123, -6, 0}}};

bool taps_are_standard(const regs::RegisterBank& registers) {
    for (std::size_t eighth = 0; eighth < six_taps.size(); ++eighth) {
        const fields::Taps& taps = fields::taps[eighth];
        for (std::size_t i = 0; i < taps.inner.size(); ++i)
            if (registers.get_signed(taps.inner[i]) != six_taps[eighth][i + 1]) return false;
        for (std::size_t i = 0; i < taps.outer.size(); ++i)
            if (taps.outer[i].width != 0 &&
                static_cast<int>(registers.get(taps.outer[i])) != six_taps[eighth][i == 0 ? 0 : 5])
                return false;
    }
    return true;
}

/// Where the coefficient partitions are: the addresses and start bits tell the beginnings, each
/// ends where the next one begins, and the last one where the stream does. The length of the stream
/// counts from the 64 bits on in which the sizes of the partitions begin, 3 bytes for each but
/// one, before the first partition.
Result<void> read_partitions(const regs::RegisterBank& registers, Vp8Job& job) {
    const std::size_t count = registers.get(fields::coeffs_part_am) + 1U;
    if (count != 1 && count != 2 && count != 4 && count != 8)
        return refuse(fmt::format("{} coefficient partitions", count));
    for (std::size_t i = 0; i < count; ++i)
        job.coefficients.push_back(
            {registers.get(fields::dct_base[i]) + registers.get(fields::dct_start_bit[i]) / 8U, 0});
    const std::uint64_t sizes = job.coefficients[0].address - 3 * (count - 1);
    const std::uint64_t end = (sizes & ~std::uint64_t{7}) + registers.get(fields::stream_len);
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t next = i + 1 < count ? job.coefficients[i + 1].address : end;
        if (next < job.coefficients[i].address || next > end)
            return refuse(fmt::format("coefficient partition {} ends before it begins", i));
        job.coefficients[i].length = next - job.coefficients[i].address;
    }
    return {};
}

Result<void> read_filter(const regs::RegisterBank& registers, Vp8Job& job) {
    job.filter = registers.get(fields::filtering_dis) == 0;
    job.simple_filter = registers.get(fields::filt_type) != 0;
    job.sharpness = registers.get(fields::filt_sharpness);
    for (std::size_t i = 0; i < 4; ++i) {
        job.levels[i] = registers.get(fields::lf_level[i]);
        job.reference_deltas[i] = registers.get_signed(fields::ref_adj[i]);
        job.mode_deltas[i] = registers.get_signed(fields::mb_adj[i]);
        if (std::min(job.reference_deltas[i], job.mode_deltas[i]) < -widest_filter_delta)
            return refuse("loop filter delta");
    }
    return {};
}

Result<void> read_quantisers(const regs::RegisterBank& registers, Vp8Job& job) {
    for (std::size_t i = 0; i < job.quantisers.size(); ++i) {
        job.quantisers[i] = registers.get(fields::quant[i]);
        if (job.quantisers[i] > highest_quantiser)
            return refuse(fmt::format("quantiser {}", job.quantisers[i]));
    }
    for (std::size_t i = 0; i < job.quantiser_deltas.size(); ++i) {
        job.quantiser_deltas[i] = registers.get_signed(fields::quant_delta[i]);
        if (job.quantiser_deltas[i] < -widest_quantiser_delta) return refuse("quantiser delta");
    }
    return {};
}

}  // namespace

Result<Vp8Job> read_vp8_job(const regs::RegisterBank& registers) {
    Vp8Job job;
    job.key_frame = registers.get(fields::pic_inter_e) == 0;
    job.columns = registers.get(fields::pic_mb_width) | registers.get(fields::pic_mb_w_ext) << 9U;
    job.rows = registers.get(fields::pic_mb_height) | registers.get(fields::pic_mb_h_ext) << 8U;
    if (job.columns == 0 || job.rows == 0 || std::max(job.columns, job.rows) > most_macroblocks)
        return refuse(fmt::format("{}x{} macroblocks", job.columns, job.rows));

    job.bilinear = registers.get(fields::bilin_mc_e) != 0;
    job.full_pixel = registers.get(fields::fraction_e) == 0;
    if (job.full_pixel && !job.bilinear) return refuse("six taps without fractions");
    if (!job.key_frame && !job.bilinear && !taps_are_standard(registers))
        return refuse("filter taps that are not those of RFC 6386");
    job.skip_flags = registers.get(fields::skip_mode) == 0;
    if (auto ok = read_filter(registers, job); !ok) return tl::make_unexpected(ok.error());
    if (auto ok = read_quantisers(registers, job); !ok) return tl::make_unexpected(ok.error());

    job.segments = registers.get(fields::segment_e) != 0;
    job.segment_update = job.segments && registers.get(fields::segment_upd_e) != 0;
    job.segment_map = std::uint64_t{registers.get(fields::segment_base)}
                      << fields::segment_base.lsb;

    job.modes = registers.get(fields::mb_stream_base);
    job.modes_length = registers.get(fields::mb_stream_len);
    job.modes_start_bit = registers.get(fields::mb_start_bit);
    job.bool_range = static_cast<std::uint8_t>(registers.get(fields::boolean_range));
    job.bool_value = static_cast<std::uint8_t>(registers.get(fields::boolean_value));
    if (job.bool_range < 128 || job.bool_value >= job.bool_range)
        return refuse(
            fmt::format("bool decoder with range {}, value {}", job.bool_range, job.bool_value));
    if (auto ok = read_partitions(registers, job); !ok) return tl::make_unexpected(ok.error());

    job.probabilities = registers.get(fields::qtable_base);
    job.output = registers.get(fields::dec_out_base);
    for (std::size_t i = 0; i < job.references.size(); ++i) {
        const std::uint32_t value = registers.get(fields::refer_base[i]);
        job.references[i] = value & ~1U;
        job.sign_bias[i] = i != 0 && (value & 1U) != 0;
    }
    return job;
}

Result<Vp8Probabilities> read_vp8_probabilities(const Dma& dma, std::uint64_t address) {
    // Coefficient probabilities are split: nodes 0 to 3 of all, then nodes 4 to 10 of all.
    constexpr std::size_t modes_at = 8, vectors_at = 16, first_nodes_at = 56, last_nodes_at = 440;
    constexpr std::size_t contexts = std::tuple_size_v<vp8::CoefficientTable> / 11;
    constexpr std::size_t length = last_nodes_at + contexts * 8;
    const auto memory = dma.slice(address, length);
    if (!memory) return tl::make_unexpected(memory.error());
    std::array<vp8::Probability, length> table{};
    std::ranges::transform(*memory, table.begin(),
                           [](std::byte byte) { return static_cast<vp8::Probability>(byte); });

    Vp8Probabilities result;
    result.skip_false = table[0];
    result.intra = table[1];
    result.last = table[2];
    result.golden = table[3];
    std::copy_n(&table[4], 3, result.segment.begin());
    std::copy_n(&table[modes_at], 4, result.modes.luma.begin());
    std::copy_n(&table[modes_at + 4], 3, result.modes.chroma.begin());
    for (std::size_t i = 0; i < 2; ++i) {
        vp8::MotionTable& motion = result.modes.motion[i];
        motion[vp8::motion_is_long] = table[vectors_at + i];
        motion[vp8::motion_sign] = table[vectors_at + 2 + i];
        std::copy_n(&table[vectors_at + 4 + 2 * i], 2, &motion[vp8::motion_long + 8]);
        std::copy_n(&table[vectors_at + 8 + 8 * i], 8, &motion[vp8::motion_long]);
        std::copy_n(&table[vectors_at + 24 + 8 * i], 7, &motion[vp8::motion_short]);
    }
    for (std::size_t i = 0; i < contexts; ++i) {
        std::copy_n(&table[first_nodes_at + 4 * i], 4, &result.coefficients[11 * i]);
        std::copy_n(&table[last_nodes_at + 8 * i], 7, &result.coefficients[11 * i + 4]);
    }
    return result;
}

}  // namespace relfence::board::vpu
