// SPDX-License-Identifier: MIT
#include "board/vpu/h264_job.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "board/vpu/h264_fields.hpp"

namespace relfence::board::vpu {
namespace {

namespace f = h264_fields;

constexpr std::size_t cabac_table_size = 460 * 2 * 4;
constexpr std::size_t poc_table_size = 34 * 4;
constexpr std::size_t scaling_size = 6 * 16 + 2 * 64;
/// As hantro_h264_mv_size() reserves for a frame; a field has half of it.
constexpr std::uint64_t motion_bytes_per_macroblock = 64;

tl::unexpected<Error> refuse(const char* why) {
    return tl::make_unexpected(Error{EBADMSG, "H.264 job", why, {}});
}

void read_parameters(const regs::RegisterBank& registers, H264Job& job) {
    const auto get = [&](const regs::Field& field) { return registers.get(field); };
    const auto is = [&](const regs::Field& field) { return registers.get(field) != 0; };
    job.mb_width = get(f::pic_mb_width);
    job.mb_height = get(f::pic_mb_height);
    job.frame_mbs_only = !is(f::fieldpic_flag_e);
    job.mbaff = is(f::seq_mbaff_e);
    job.direct_8x8_inference = is(f::dir_8x8_infer_e);
    job.monochrome = is(f::blackwhite_e);
    job.ref_frames = get(f::ref_frames);
    job.frame_num_bits = get(f::framenum_len);
    job.cabac = is(f::cabac_e);
    job.weighted_pred = is(f::weight_pred_e);
    job.weighted_bipred = get(f::weight_bipr_idc);
    job.constrained_intra = is(f::const_intra_e);
    job.transform_8x8 = is(f::trans_8x8_flag_e);
    job.deblocking_control = is(f::filt_ctrl_pres);
    job.redundant_counts = is(f::rdpic_cnt_pres);
    job.scaling = is(f::type1_quant_e);
    // Five bits hold 1 to 32: the driver's 32 comes out as 0.
    for (std::size_t i = 0; i < 2; ++i) {
        const std::uint32_t count = get(i == 0 ? f::refidx0_active : f::refidx1_active);
        job.active_refs[i] = count == 0 ? 32 : count;
    }
    job.init_qp = static_cast<std::int32_t>(get(f::init_qp));
    job.chroma_qp_offset = {registers.get_signed(f::ch_qp_offset),
                            registers.get_signed(f::ch_qp_offset2)};
    job.field = is(f::pic_fieldmode_e);
    job.bottom = job.field && !is(f::pic_topfield_e);
    job.idr = is(f::idr_pic_e);
    job.frame_num = get(f::framenum);
    job.poc_bits = get(f::poc_length);
    job.marking_bits = get(f::refpic_mk_len);
    // The driver moves the base of a bottom field down by a line.
    job.output = get(f::dec_out_base) - (job.bottom ? job.stride() : 0);
    const std::array lists{&f::pinit_rlist, &f::binit_rlist_f, &f::binit_rlist_b};
    for (std::size_t list = 0; list < lists.size(); ++list)
        for (std::size_t i = 0; i < 16; ++i)
            job.initial[list][i] = static_cast<std::uint8_t>(get((*lists[list])[i]));
}

void read_slots(const regs::RegisterBank& registers, std::span<const std::int32_t> poc,
                H264Job& job) {
    const std::uint32_t valid = registers.get(f::refer_valid_e);
    const std::uint32_t long_term = registers.get(f::refer_lterm_e);
    // The highest bit is the first picture; for fields two bits each, the top field's first.
    const auto bit = [](std::uint32_t map, std::size_t i) { return (map >> (31 - i) & 1) != 0; };
    for (std::size_t i = 0; i < job.slots.size(); ++i) {
        H264Slot& slot = job.slots[i];
        slot.address = registers.get(f::refer_base[i]) & ~3U;
        slot.number = registers.get(f::refer_nbr[i]);
        slot.poc = {poc[2 * i], poc[2 * i + 1]};
        if (job.field) {
            slot.fields =
                (bit(valid, 2 * i) ? top_field : 0U) | (bit(valid, 2 * i + 1) ? bottom_field : 0U);
            slot.long_term = bit(long_term, 2 * i) || bit(long_term, 2 * i + 1);
        } else {
            slot.fields = bit(valid, i) ? both_fields : 0U;
            slot.long_term = bit(long_term, i);
        }
        // The driver gives a picture that only waits to be shown the address of the output. The
        // first field of this frame has it too, but is in the initial list.
        const bool listed =
            std::find(job.initial[0].begin(), job.initial[0].end(), i) != job.initial[0].end();
        if (job.is_output(slot) && !(job.field && listed)) slot.fields = 0;
        // Of the frame that is being written only the other field can be a reference.
        if (job.is_output(slot)) slot.fields &= ~job.structure();
    }
}

void read_scaling(std::span<const std::byte> table, H264Job& job) {
    std::array<std::uint8_t, scaling_size> lists{};
    // Each four bytes are in the order of a big-endian word.
    for (std::size_t i = 0; i < lists.size(); ++i)
        lists[i] = std::to_integer<std::uint8_t>(table[i ^ 3U]);
    auto* from = lists.data();
    for (auto& list : job.scaling_4x4) {
        std::copy_n(from, list.size(), list.begin());
        from += list.size();
    }
    for (auto& list : job.scaling_8x8) {
        std::copy_n(from, list.size(), list.begin());
        from += list.size();
    }
}

Result<void> check(const regs::RegisterBank& registers, const H264Job& job) {
    if (job.mb_width == 0 || job.mb_height == 0) return refuse("a picture without macroblocks");
    if (job.frame_num_bits < 4 || job.frame_num_bits > 16) return refuse("length of frame_num");
    if (job.weighted_bipred > 2) return refuse("weighted_bipred_idc of 3");
    if (job.frame_mbs_only && (job.field || job.mbaff))
        return refuse("a field of a progressive sequence");
    if (!job.frame_mbs_only && job.mb_height % 2 != 0)
        return refuse("an interlaced picture with an odd number of rows");
    if (job.init_qp > 51) return refuse("a quantiser above 51");
    if (registers.get(f::rlc_mode_e) != 0 || registers.get(f::ch_8pix_ileav_e) != 0 ||
        registers.get(f::filtering_dis) != 0 || registers.get(f::strm_start_bit) != 0 ||
        registers.get(f::refbu_e) != 0 || registers.get(f::start_code_e) == 0)
        return refuse("a mode that is not modelled");
    return {};
}

}  // namespace

Result<H264Job> read_h264_job(const regs::RegisterBank& registers, const Dma& dma) {
    H264Job job;
    read_parameters(registers, job);
    if (auto good = check(registers, job); !good) return tl::make_unexpected(good.error());

    const auto tables =
        dma.slice(registers.get(f::qtable_base), cabac_table_size + poc_table_size + scaling_size);
    if (!tables) return tl::make_unexpected(tables.error());
    std::array<std::int32_t, 34> poc{};
    std::memcpy(poc.data(), tables->subspan(cabac_table_size).data(), poc_table_size);
    read_slots(registers, poc, job);
    if (job.field)
        job.poc[job.bottom ? 1 : 0] = poc[32];
    else if (job.mbaff)
        job.poc = {poc[32], poc[33]};
    else
        job.poc = {poc[32], poc[32]};
    if (job.scaling) {
        read_scaling(tables->subspan(cabac_table_size + poc_table_size), job);
        const auto zero = [](const auto& list) {
            return std::find(list.begin(), list.end(), 0) != list.end();
        };
        if (std::any_of(job.scaling_4x4.begin(), job.scaling_4x4.end(), zero) ||
            (job.transform_8x8 &&
             std::any_of(job.scaling_8x8.begin(), job.scaling_8x8.end(), zero)))
            return refuse("a scaling list with a zero");
    }

    if (auto output = dma.slice(job.output, job.frame_size()); !output)
        return tl::make_unexpected(output.error());
    if (registers.get(f::write_mvs_e) != 0) {
        const std::uint64_t size =
            job.macroblocks() * motion_bytes_per_macroblock / (job.field ? 2 : 1);
        if (auto motion = dma.slice(registers.get(f::dir_mv_base), size); !motion)
            return tl::make_unexpected(motion.error());
    }
    const auto stream = dma.slice(registers.get(f::rlc_vlc_base), registers.get(f::stream_len));
    if (!stream) return tl::make_unexpected(stream.error());
    // Copied once: the guest may change it while it is being parsed.
    job.stream.resize(stream->size());
    if (!stream->empty()) std::memcpy(job.stream.data(), stream->data(), stream->size());
    return job;
}

}  // namespace relfence::board::vpu
