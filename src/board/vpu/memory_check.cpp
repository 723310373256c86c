// SPDX-License-Identifier: MIT
#include "board/vpu/memory_check.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "board/vpu/h264_fields.hpp"
#include "board/vpu/mpeg2_registers.hpp"
#include "board/vpu/vdpu2_registers.hpp"
#include "board/vpu/vp8_fields.hpp"

namespace relfence::board::vpu {
namespace {

/// Bytes at an address, and what they are to the job.
struct Extent {
    std::uint64_t address = 0;
    std::uint64_t length = 0;
    const char* what = "";

    [[nodiscard]] bool overlaps(const Extent& other) const {
        return address < other.address + other.length && other.address < address + length;
    }
};

struct Reference {
    std::uint64_t address = 0;
    std::string what;
};

/// The memory of a job. The first of what it writes is the frame, also for a field of it.
struct JobMemory {
    std::vector<Extent> writes;
    std::vector<Extent> reads;
    std::vector<Reference> references;
};

constexpr std::uint64_t luma_of_macroblock = 256;
constexpr std::uint64_t motion_of_macroblock = 64;  // hantro_h264_mv_size()
/// sizeof(struct hantro_h264_dec_priv_tbl); what hantro_vp8_prob_update() fills.
constexpr std::uint64_t h264_tables = 460 * 2 * 4 + 34 * 4 + 6 * 16 + 2 * 64;
constexpr std::uint64_t vp8_probabilities = 440 + 96 * 8;

std::uint64_t frame_bytes(std::uint64_t macroblocks) {
    return macroblocks * luma_of_macroblock * 3 / 2;
}

JobMemory vp8_memory(const regs::RegisterBank& registers) {
    namespace f = vp8_fields;
    const auto get = [&](const regs::Field& field) { return std::uint64_t{registers.get(field)}; };
    const std::uint64_t macroblocks = (get(f::pic_mb_width) | get(f::pic_mb_w_ext) << 9U) *
                                      (get(f::pic_mb_height) | get(f::pic_mb_h_ext) << 8U);
    JobMemory memory;
    memory.writes.push_back({get(f::dec_out_base), frame_bytes(macroblocks), "frame"});
    memory.reads = {{get(f::qtable_base), vp8_probabilities, "probabilities"},
                    {get(f::mb_stream_base), get(f::mb_stream_len), "first partition"},
                    {get(f::dct_base[0]), get(f::stream_len), "coefficients"}};
    if (get(f::pic_inter_e) == 0) return memory;
    constexpr std::array names{"last", "golden", "alternative"};
    // The lowest bit is the sign bias.
    for (std::size_t i = 0; i < names.size(); ++i)
        memory.references.push_back(
            {get(f::refer_base[i]) & ~std::uint64_t{1}, fmt::format("the {} reference", names[i])});
    return memory;
}

JobMemory h264_memory(const regs::RegisterBank& registers) {
    namespace f = h264_fields;
    const auto get = [&](const regs::Field& field) { return std::uint64_t{registers.get(field)}; };
    const std::uint64_t macroblocks = get(f::pic_mb_width) * get(f::pic_mb_height);
    const bool field = get(f::pic_fieldmode_e) != 0;
    // The driver moves the base of a bottom field down by a line.
    const std::uint64_t line = field && get(f::pic_topfield_e) == 0 ? get(f::pic_mb_width) * 16 : 0;
    JobMemory memory;
    memory.writes.push_back({get(f::dec_out_base) - line, frame_bytes(macroblocks), "frame"});
    if (get(f::write_mvs_e) != 0)
        memory.writes.push_back({get(f::dir_mv_base),
                                 macroblocks * motion_of_macroblock / (field ? 2 : 1),
                                 "motion vectors"});
    memory.reads = {{get(f::qtable_base), h264_tables, "tables"},
                    {get(f::rlc_vlc_base), get(f::stream_len), "stream"}};
    const std::uint64_t valid = get(f::refer_valid_e);
    for (std::size_t i = 0; i < f::refer_base.size(); ++i) {
        // The highest bit is the first picture; for fields two bits each.
        const std::uint64_t bits = field ? valid >> (30 - 2 * i) & 3U : valid >> (31 - i) & 1U;
        if (bits != 0)
            memory.references.push_back(
                {get(f::refer_base[i]) & ~std::uint64_t{3}, fmt::format("reference {}", i)});
    }
    return memory;
}

JobMemory mpeg2_memory(const regs::RegisterBank& registers) {
    const auto get = [&](const regs::Field& field) { return std::uint64_t{registers.get(field)}; };
    const std::uint64_t macroblocks = get(mpeg2::mb_width) * get(mpeg2::mb_height);
    const bool bottom = get(mpeg2::field_mode) != 0 && get(mpeg2::top_field) == 0;
    const std::uint64_t line = bottom ? get(mpeg2::mb_width) * 16 : 0;
    JobMemory memory;
    memory.writes.push_back(
        {registers.value(mpeg2::output_base) - line, frame_bytes(macroblocks), "frame"});
    memory.reads = {{registers.value(mpeg2::quantisation_base), mpeg2::quantisation_size,
                     "quantisation tables"},
                    {registers.value(mpeg2::stream_base), get(mpeg2::stream_length), "stream"}};
    const auto refer = [&](std::uint32_t top_base, std::uint32_t bottom_base, const char* what) {
        for (const std::uint32_t base : {top_base, bottom_base})
            memory.references.push_back({registers.value(base), what});
    };
    const bool both = get(mpeg2::b_picture) != 0;
    if (both || get(mpeg2::inter_picture) != 0)
        refer(mpeg2::forward_top_base, mpeg2::forward_bottom_base, "the forward reference");
    if (both)
        refer(mpeg2::backward_top_base, mpeg2::backward_bottom_base, "the backward reference");
    return memory;
}

}  // namespace

std::vector<std::string> MemoryCheck::look(const regs::RegisterBank& registers) {
    const std::uint32_t mode = registers.get(vdpu2::dec_mode);
    JobMemory memory;
    if (mode == vdpu2::dec_mode_vp8)
        memory = vp8_memory(registers);
    else if (mode == vdpu2::dec_mode_h264)
        memory = h264_memory(registers);
    else if (mode == vdpu2::dec_mode_mpeg2)
        memory = mpeg2_memory(registers);
    else
        return {};
    std::vector<std::string> complaints;
    for (std::size_t i = 0; i < memory.writes.size(); ++i) {
        std::vector<Extent> others{memory.writes.begin(),
                                   memory.writes.begin() + static_cast<std::ptrdiff_t>(i)};
        others.insert(others.end(), memory.reads.begin(), memory.reads.end());
        for (const Extent& other : others)
            if (memory.writes[i].overlaps(other))
                complaints.push_back(fmt::format("the {} of the job {} in the memory of its {}",
                                                 memory.writes[i].what, i == 0 ? "lies" : "lie",
                                                 other.what));
    }
    frames_.insert(memory.writes.front().address);
    // Of a reference that is missing the driver gives the address of the frame itself.
    for (const Reference& reference : memory.references)
        if (!frames_.contains(reference.address)) {
            auto text = reference.what + " is no frame that a job has written";
            if (std::ranges::find(complaints, text) == complaints.end())
                complaints.push_back(std::move(text));
        }
    return complaints;
}

}  // namespace relfence::board::vpu
