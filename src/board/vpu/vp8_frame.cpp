// SPDX-License-Identifier: MIT
#include "board/vpu/vp8_frame.hpp"

#include <algorithm>
#include <bit>

#include "board/vpu/vp8_modes.hpp"
#include "vp8/bool_coder.hpp"

namespace relfence::board::vpu {
namespace {

using vp8::Probability;

constexpr std::size_t tag_bytes = 3;
constexpr std::size_t largest_first_partition = (1U << 19U) - 1;
/// A bound on what the frame header needs, to allocate once.
constexpr std::size_t header_room = 4096;

/// What goes before the first partition. RFC 6386, section 9.1; the partition's size comes later.
void put_start(std::vector<std::uint8_t>& bytes, const Vp8Job& job) {
    // Bilinear filters are those of version 1 and, with full pixels, 3. The frame is shown.
    const unsigned version = job.full_pixel ? 3 : job.bilinear ? 1 : 0;
    bytes.push_back(
        static_cast<std::uint8_t>((job.key_frame ? 0U : 1U) | version << 1U | 1U << 4U));
    bytes.insert(bytes.end(), tag_bytes - 1, 0);
    if (!job.key_frame) return;
    for (const unsigned byte : {0x9dU, 0x01U, 0x2aU, job.width() & 0xffU, job.width() >> 8U,
                                job.height() & 0xffU, job.height() >> 8U})
        bytes.push_back(static_cast<std::uint8_t>(byte));
}

void put_segmentation(vp8::BoolEncoder& to, const Vp8Job& job,
                      const Vp8Probabilities& probabilities) {
    to.flag(job.segments);
    if (!job.segments) return;
    to.flag(true);  // a new map
    to.flag(true);  // new values
    to.flag(true);  // that are no differences
    for (const unsigned quantiser : job.quantisers)
        to.optional_signed(static_cast<int>(quantiser), 7);
    for (const unsigned level : job.levels) to.optional_signed(static_cast<int>(level), 6);
    for (const Probability probability : probabilities.segment) {
        to.flag(true);
        to.literal(job.segment_update ? probability : segment_id_probability, 8);
    }
}

void put_filter(vp8::BoolEncoder& to, const Vp8Job& job) {
    to.flag(job.simple_filter);
    // Level 0 switches the filter off for all segments. Else those that have levels of their own
    // do not look at this one.
    to.literal(!job.filter ? 0 : job.segments ? 63 : job.levels[0], 6);
    to.literal(job.sharpness, 3);
    to.flag(true);
    to.flag(true);
    for (const int delta : job.reference_deltas) to.optional_signed(delta, 6);
    for (const int delta : job.mode_deltas) to.optional_signed(delta, 6);
}

/// Since no frame keeps its probabilities, the decoder is always at those of a key frame.
void put_coefficients(vp8::BoolEncoder& to, const vp8::CoefficientTable& wanted) {
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        const bool differs = wanted[i] != vp8::default_coefficients[i];
        to.write(differs, vp8::coefficient_update[i]);
        if (differs) to.literal(wanted[i], 8);
    }
}

/// @return what the decoder makes of it: a header has but 7 bits for most
Probability put_motion(vp8::BoolEncoder& to, Probability wanted, Probability standard,
                       Probability update) {
    const bool differs = wanted != standard;
    to.write(differs, update);
    if (!differs) return wanted;
    to.literal(wanted >> 1U, 7);
    return wanted > 1 ? static_cast<Probability>(wanted & ~1U) : Probability{1};
}

/// Ends the header. @return the probabilities with which the macroblocks have to be written
vp8::ModeProbabilities put_mode_probabilities(vp8::BoolEncoder& to, const Vp8Job& job,
                                              const Vp8Probabilities& read) {
    to.flag(job.skip_flags);
    if (job.skip_flags) to.literal(read.skip_false, 8);
    vp8::ModeProbabilities write = read.modes;
    if (job.key_frame) {
        write.luma = vp8::key_frame_modes.luma;
        write.chroma = vp8::key_frame_modes.chroma;
        return write;
    }
    to.literal(read.intra, 8);
    to.literal(read.last, 8);
    to.literal(read.golden, 8);
    to.flag(true);
    for (const Probability mode : write.luma) to.literal(mode, 8);
    to.flag(true);
    for (const Probability mode : write.chroma) to.literal(mode, 8);
    for (std::size_t i = 0; i < 2; ++i)
        for (std::size_t node = 0; node < write.motion[i].size(); ++node)
            write.motion[i][node] =
                put_motion(to, write.motion[i][node], vp8::default_modes.motion[i][node],
                           vp8::motion_update[i][node]);
    return write;
}

/// RFC 6386, section 9.2 on. @return as put_mode_probabilities()
vp8::ModeProbabilities put_header(vp8::BoolEncoder& to, const Vp8Job& job,
                                  const Vp8Probabilities& probabilities, bool new_golden = false,
                                  bool new_alternative = false) {
    if (job.key_frame) to.literal(0, 2);  // colour space, clamping
    put_segmentation(to, job, probabilities);
    put_filter(to, job);
    to.literal(static_cast<unsigned>(std::countr_zero(job.coefficients.size())), 2);
    to.literal(job.quantisers[0], 7);
    for (const int delta : job.quantiser_deltas) to.optional_signed(delta, 4);
    if (!job.key_frame) {
        to.flag(new_golden);
        to.flag(new_alternative);
        if (!new_golden) to.literal(0, 2);  // no copy
        if (!new_alternative) to.literal(0, 2);
        to.flag(job.sign_bias[1]);
        to.flag(job.sign_bias[2]);
    }
    to.flag(false);                      // keep no probabilities
    if (!job.key_frame) to.flag(false);  // no refresh of the last frame either
    put_coefficients(to, probabilities.coefficients);
    return put_mode_probabilities(to, job, probabilities);
}

Result<void> put_partition_size(std::vector<std::uint8_t>& bytes, std::size_t first_partition) {
    const std::size_t size = bytes.size() - first_partition;
    if (size > largest_first_partition)
        return fail_errno("vp8", "first partition is too long", EBADMSG);
    const auto tag = static_cast<std::uint32_t>(bytes[0] | size << 5U);
    for (std::size_t i = 0; i < tag_bytes; ++i)
        bytes[i] = static_cast<std::uint8_t>(tag >> (8 * i));
    return {};
}

std::span<const std::uint8_t> octets(std::span<const std::byte> memory) {
    return {reinterpret_cast<const std::uint8_t*>(memory.data()), memory.size()};
}

/// One segment id of 2 bits per macroblock, lowest first: hantro_vp8_dec_init() of Linux 6.12
/// allocates room for just that.
Result<std::vector<std::uint8_t>> read_segments(const Vp8Job& job, const Dma& dma) {
    std::vector<std::uint8_t> segments;
    if (!job.segments) return segments;
    segments.resize(std::size_t{job.columns} * job.rows);
    const auto memory = dma.slice(job.segment_map, (segments.size() + 3) / 4);
    if (!memory) return tl::make_unexpected(memory.error());
    if (job.segment_update) return segments;
    for (std::size_t i = 0; i < segments.size(); ++i)
        segments[i] = static_cast<std::uint8_t>(
            std::to_integer<unsigned>((*memory)[i / 4]) >> (i % 4 * 2) & 3U);
    return segments;
}

}  // namespace

Result<Vp8Frame> make_vp8_frame(const Vp8Job& job, const Dma& dma) {
    const auto probabilities = read_vp8_probabilities(dma, job.probabilities);
    if (!probabilities) return tl::make_unexpected(probabilities.error());
    auto segments = read_segments(job, dma);
    if (!segments) return tl::make_unexpected(segments.error());
    const auto modes = dma.slice(job.modes, job.modes_length);
    if (!modes) return tl::make_unexpected(modes.error());
    // The guest may change its memory any time, and the decoder looks at a byte but once.
    vp8::BoolDecoder from{octets(*modes), {job.bool_range, job.bool_value, job.modes_start_bit}};

    Vp8Frame frame;
    frame.segments = std::move(*segments);
    std::size_t room = header_room + job.modes_length + frame.segments.size();
    for (const Vp8Job::Partition& partition : job.coefficients) room += partition.length;
    frame.bytes.reserve(std::min(room, std::size_t{16} << 20U));

    put_start(frame.bytes, job);
    const std::size_t first_partition = frame.bytes.size();
    vp8::BoolEncoder to{frame.bytes};
    const vp8::ModeProbabilities write = put_header(to, job, *probabilities);
    Vp8ModeEcho echo{job, *probabilities, write, from, to};
    echo.run(frame.segments);
    if (from.truncated()) return fail_errno("vp8", "first partition ends too early", EBADMSG);
    frame.needs = std::move(echo.needs());
    if (auto ok = put_partition_size(frame.bytes, first_partition); !ok)
        return tl::make_unexpected(ok.error());

    for (std::size_t i = 0; i + 1 < job.coefficients.size(); ++i)
        for (const unsigned shift : {0U, 8U, 16U})
            frame.bytes.push_back(static_cast<std::uint8_t>(job.coefficients[i].length >> shift));
    for (const Vp8Job::Partition& partition : job.coefficients) {
        const auto memory = dma.slice(partition.address, partition.length);
        if (!memory) return tl::make_unexpected(memory.error());
        const auto bytes = octets(*memory);
        frame.bytes.insert(frame.bytes.end(), bytes.begin(), bytes.end());
    }
    return frame;
}

std::vector<std::uint8_t> plain_vp8_frame(unsigned width, unsigned height, Vp8Becomes becomes) {
    Vp8Job job;
    job.key_frame = becomes == Vp8Becomes::all_references;
    job.columns = width / 16;
    job.rows = height / 16;
    job.skip_flags = true;
    job.coefficients.resize(1);
    Vp8Probabilities probabilities;
    probabilities.skip_false = 1;
    probabilities.intra = 255;
    probabilities.modes = vp8::default_modes;
    probabilities.coefficients = vp8::default_coefficients;

    std::vector<std::uint8_t> bytes;
    put_start(bytes, job);
    const std::size_t first_partition = bytes.size();
    vp8::BoolEncoder to{bytes};
    const vp8::ModeProbabilities write = put_header(
        to, job, probabilities, becomes == Vp8Becomes::golden, becomes == Vp8Becomes::alternative);
    for (unsigned i = 0; i < job.columns * job.rows; ++i) {
        to.write(true, probabilities.skip_false);
        if (job.key_frame) {
            // DC for luma and chroma, see key_luma_tree.
            to.write(true, write.luma[0]);
            to.write(false, write.luma[1]);
            to.write(false, write.luma[2]);
        } else {
            to.write(false, probabilities.intra);
            to.write(false, write.luma[0]);
        }
        to.write(false, write.chroma[0]);
    }
    to.finish();
    // A few bits for each macroblock: far from the limit.
    static_cast<void>(put_partition_size(bytes, first_partition));
    bytes.insert(bytes.end(), 8, 0);  // the coefficients of nothing
    return bytes;
}

}  // namespace relfence::board::vpu
