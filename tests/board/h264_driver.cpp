// SPDX-License-Identifier: MIT
#include "h264_driver.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace relfence::board {
namespace {

using stateless::H264CodedPicture;

constexpr std::uint32_t reg(std::uint32_t number) {
    return number * 4;
}
constexpr std::uint8_t both = V4L2_H264_FRAME_REF;
constexpr std::uint8_t parities[] = {V4L2_H264_TOP_FIELD_REF, V4L2_H264_BOTTOM_FIELD_REF};

bool is_field(const v4l2_ctrl_h264_decode_params& decode) {
    return (decode.flags & V4L2_H264_DECODE_PARAM_FLAG_FIELD_PIC) != 0;
}
bool is_bottom(const v4l2_ctrl_h264_decode_params& decode) {
    return (decode.flags & V4L2_H264_DECODE_PARAM_FLAG_BOTTOM_FIELD) != 0;
}
std::uint8_t structure(const v4l2_ctrl_h264_decode_params& decode) {
    if (!is_field(decode)) return both;
    return is_bottom(decode) ? V4L2_H264_BOTTOM_FIELD_REF : V4L2_H264_TOP_FIELD_REF;
}
bool active(const v4l2_h264_dpb_entry& entry) {
    return (entry.flags & V4L2_H264_DPB_ENTRY_FLAG_ACTIVE) != 0;
}
bool kept_long(const v4l2_h264_dpb_entry& entry) {
    return (entry.flags & V4L2_H264_DPB_ENTRY_FLAG_LONG_TERM) != 0;
}

}  // namespace

/// update_dpb(): an entry stays in its place as long as it is there.
void H264Driver::update_references(const v4l2_ctrl_h264_decode_params& decode) {
    for (auto& entry : dpb_) entry.flags = 0;
    std::array<bool, 16> taken{};
    std::vector<const v4l2_h264_dpb_entry*> added;
    for (const auto& wanted : decode.dpb) {
        if ((wanted.flags & V4L2_H264_DPB_ENTRY_FLAG_VALID) == 0) continue;
        std::size_t place = 0;
        while (place < 16 && (taken[place] || dpb_[place].reference_ts != wanted.reference_ts))
            ++place;
        if (place == 16) {
            added.push_back(&wanted);
            continue;
        }
        dpb_[place] = wanted;
        taken[place] = true;
    }
    for (const auto* wanted : added) {
        const auto place =
            static_cast<std::size_t>(std::find(taken.begin(), taken.end(), false) - taken.begin());
        dpb_[place] = *wanted;
        taken[place] = true;
    }
}

void H264Driver::write_tables(const H264CodedPicture& controls, PlainDma& dma) {
    const auto& decode = controls.decode;
    valid_ = long_term_ = 0;
    std::array<std::int32_t, 34> poc{};
    for (unsigned i = 0; i < 16; ++i) {
        poc[i * 2] = dpb_[i].top_field_order_cnt;
        poc[i * 2 + 1] = dpb_[i].bottom_field_order_cnt;
        if ((dpb_[i].flags & V4L2_H264_DPB_ENTRY_FLAG_VALID) == 0) continue;
        const auto bit = [](unsigned number) { return 1U << (31 - number); };
        if (is_field(decode)) {
            if ((dpb_[i].fields & V4L2_H264_TOP_FIELD_REF) != 0) valid_ |= bit(i * 2);
            if ((dpb_[i].fields & V4L2_H264_BOTTOM_FIELD_REF) != 0) valid_ |= bit(i * 2 + 1);
            if (kept_long(dpb_[i])) long_term_ |= bit(i * 2) | bit(i * 2 + 1);
        } else {
            valid_ |= bit(i);
            if (kept_long(dpb_[i])) long_term_ |= bit(i);
        }
    }
    const bool mbaff = (controls.sps.flags & V4L2_H264_SPS_FLAG_MB_ADAPTIVE_FRAME_FIELD) != 0;
    if (is_field(decode) || !mbaff) {
        poc[32] = current_poc_;
    } else {
        poc[32] = decode.top_field_order_cnt;
        poc[33] = decode.bottom_field_order_cnt;
    }
    constexpr std::size_t poc_at = 460 * 2 * 4, scaling_at = poc_at + 34 * 4;
    auto table = dma.at(tables_, table_size);
    std::memcpy(table.data() + poc_at, poc.data(), sizeof(poc));
    if ((controls.pps.flags & V4L2_H264_PPS_FLAG_SCALING_MATRIX_PRESENT) == 0) return;
    std::array<std::uint8_t, 6 * 16 + 2 * 64> lists{};
    std::memcpy(lists.data(), controls.scaling.scaling_list_4x4, 6 * 16);
    std::memcpy(lists.data() + 6 * 16, controls.scaling.scaling_list_8x8, 2 * 64);
    for (std::size_t i = 0; i < lists.size(); ++i) table[scaling_at + (i ^ 3U)] = lists[i];
}

/// v4l2_h264_init_reflist_builder() to deduplicate_reflist(). The order of two fields of a frame
/// does not matter before they are sorted by parity.
std::array<H264Driver::List, 3> H264Driver::build_lists(const H264CodedPicture& controls) {
    const auto& decode = controls.decode;
    const std::uint8_t own = structure(decode);
    List all;
    for (std::uint8_t i = 0; i < 16; ++i) {
        if (!active(dpb_[i])) continue;
        if (own == both) {
            all.push_back({i, both});
            continue;
        }
        for (const std::uint8_t fields : parities)
            if ((dpb_[i].fields & fields) != 0) all.push_back({i, fields});
    }
    const int range = 1 << (controls.sps.log2_max_frame_num_minus4 + 4);
    const auto number = [&](const Reference& reference) {
        const auto& entry = dpb_[reference.index];
        const int value = entry.frame_num;
        return !kept_long(entry) && entry.frame_num > decode.frame_num ? value - range : value;
    };
    const auto poc = [&](const Reference& reference) {
        const auto& entry = dpb_[reference.index];
        if (reference.fields == V4L2_H264_TOP_FIELD_REF) return entry.top_field_order_cnt;
        if (reference.fields == V4L2_H264_BOTTOM_FIELD_REF) return entry.bottom_field_order_cnt;
        return std::min(entry.top_field_order_cnt, entry.bottom_field_order_cnt);
    };
    std::array<List, 3> lists{all, all, all};
    for (std::size_t which = 0; which < 3; ++which) {
        List& list = lists[which];
        std::stable_sort(list.begin(), list.end(), [&](const Reference& a, const Reference& b) {
            const bool a_long = kept_long(dpb_[a.index]), b_long = kept_long(dpb_[b.index]);
            if (a_long != b_long) return !a_long;
            if (a_long) return number(a) < number(b);
            if (which == 0) return number(a) > number(b);
            const bool a_past = poc(a) < current_poc_, b_past = poc(b) < current_poc_;
            if (a_past != b_past) return a_past == (which == 1);
            return a_past ? poc(a) > poc(b) : poc(a) < poc(b);
        });
        if (own == both) continue;
        List turns;
        for (const bool of_long : {false, true}) {
            List same, other;
            for (const Reference& reference : list)
                if (kept_long(dpb_[reference.index]) == of_long)
                    (reference.fields == own ? same : other).push_back(reference);
            for (std::size_t i = 0; i < std::max(same.size(), other.size()); ++i) {
                if (i < same.size()) turns.push_back(same[i]);
                if (i < other.size()) turns.push_back(other[i]);
            }
        }
        list = turns;
    }
    const auto same = [](const Reference& a, const Reference& b) {
        return a.index == b.index && a.fields == b.fields;
    };
    if (all.size() > 1 && std::equal(lists[1].begin(), lists[1].end(), lists[2].begin(), same))
        std::swap(lists[2][0], lists[2][1]);
    for (List& list : lists) {
        if (own != both)
            std::erase_if(list, [own](const Reference& entry) { return entry.fields == own; });
        list.resize(16, {15, 0});
    }
    return lists;
}

void H264Driver::set_parameters(const H264CodedPicture& controls, std::uint32_t source_size,
                                regs::RegisterBank& registers) const {
    const auto& sps = controls.sps;
    const auto& pps = controls.pps;
    const auto& decode = controls.decode;
    const auto of_sps = [&](std::uint32_t flag) { return (sps.flags & flag) != 0 ? 1U : 0U; };
    const auto of_pps = [&](unsigned flag) { return (pps.flags & flag) != 0 ? 1U : 0U; };
    const auto is = [](bool condition) { return condition ? 1U : 0U; };
    const auto bits = [](std::int32_t value, unsigned lsb, unsigned width) {
        return (static_cast<std::uint32_t>(value) & ((1U << width) - 1)) << lsb;
    };
    const bool progressive = of_sps(V4L2_H264_SPS_FLAG_FRAME_MBS_ONLY) != 0;
    const bool mbaff = of_sps(V4L2_H264_SPS_FLAG_MB_ADAPTIVE_FRAME_FIELD) != 0;
    registers.write(reg(50), 0);
    registers.write(reg(51), bits(pps.pic_init_qp_minus26 + 26, 25, 6) | (source_size & 0xffffff));
    registers.write(reg(52), 8U << 17);
    registers.write(reg(53), 0);
    registers.write(reg(54), 0x3e);
    registers.write(reg(56), 16U << 16 | 0xff);
    registers.write(reg(57), 1U << 22 | is(!progressive && (mbaff || is_field(decode))) << 17 |
                                 is(is_field(decode)) << 16 | is(!is_bottom(decode)) << 13 |
                                 is(sps.profile_idc > 66 && decode.nal_ref_idc != 0) << 10 |
                                 is(mbaff) << 7 | is(sps.profile_idc > 66) << 6 | 1U << 5 |
                                 1U << 4);
    registers.write(reg(59), bits(1, 22, 10) | bits(-5, 12, 10) | bits(20, 2, 10));
    registers.write(reg(65), 0);
    registers.write(reg(109), 0);
    registers.write(reg(110), bits(pps.second_chroma_qp_index_offset, 22, 5) |
                                  bits(pps.chroma_qp_index_offset, 17, 5) |
                                  ((height_ + 15) / 16 & 0xff) << 9 | (width_ + 15) / 16);
    registers.write(
        reg(111), std::uint32_t{pps.weighted_bipred_idc} << 16 | (sps.max_num_ref_frames & 0x1fU));
    registers.write(reg(112), of_pps(V4L2_H264_PPS_FLAG_DEBLOCKING_FILTER_CONTROL_PRESENT) << 31 |
                                  of_pps(V4L2_H264_PPS_FLAG_REDUNDANT_PIC_CNT_PRESENT) << 30 |
                                  (sps.log2_max_frame_num_minus4 + 4U) << 16 | decode.frame_num);
    registers.write(reg(113),
                    (decode.dec_ref_pic_marking_bit_size & 0x7ff) << 16 | decode.idr_pic_id);
    registers.write(reg(114), std::uint32_t{pps.pic_parameter_set_id} << 24 |
                                  ((pps.num_ref_idx_l1_default_active_minus1 + 1U) & 31) << 19 |
                                  ((pps.num_ref_idx_l0_default_active_minus1 + 1U) & 31) << 14 |
                                  (decode.pic_order_cnt_bit_size & 0xff));
    registers.write(reg(115), is((decode.flags & V4L2_H264_DECODE_PARAM_FLAG_IDR_PIC) != 0) << 8 |
                                  of_sps(V4L2_H264_SPS_FLAG_DIRECT_8X8_INFERENCE) << 7 |
                                  is(sps.profile_idc >= 100 && sps.chroma_format_idc == 0) << 6 |
                                  of_pps(V4L2_H264_PPS_FLAG_ENTROPY_CODING_MODE) << 5 |
                                  of_pps(V4L2_H264_PPS_FLAG_WEIGHTED_PRED) << 4 |
                                  of_pps(V4L2_H264_PPS_FLAG_CONSTRAINED_INTRA_PRED) << 3 |
                                  of_pps(V4L2_H264_PPS_FLAG_TRANSFORM_8X8_MODE) << 2 |
                                  of_pps(V4L2_H264_PPS_FLAG_SCALING_MATRIX_PRESENT) << 1 |
                                  is(!progressive));
}

void H264Driver::set_references(const std::array<List, 3>& lists, std::uint64_t destination,
                                const FindBuffer& find, regs::RegisterBank& registers) const {
    const auto pack = [](const List& list, std::size_t begin, std::size_t count) {
        std::uint32_t value = 0;
        for (std::size_t i = 0; i < count; ++i)
            value |= std::uint32_t{list[begin + i].index} << (5 * i);
        return value;
    };
    registers.write(reg(106), pack(lists[0], 0, 4));
    registers.write(reg(74), pack(lists[0], 4, 6));
    registers.write(reg(75), pack(lists[0], 10, 6));
    for (std::uint32_t list = 0; list < 2; ++list) {
        registers.write(reg(100 + 3 * list), pack(lists[1 + list], 0, 6));
        registers.write(reg(101 + 3 * list), pack(lists[1 + list], 6, 6));
        registers.write(reg(102 + 3 * list), pack(lists[1 + list], 12, 4));
    }
    for (std::uint32_t i = 0; i < 16; i += 2) {
        const auto number = [&](std::size_t entry) {
            return active(dpb_[entry]) ? std::uint32_t{dpb_[entry].frame_num} : 0U;
        };
        registers.write(reg(76 + i / 2), number(i + 1) << 16 | number(i));
    }
    registers.write(reg(107), long_term_);
    registers.write(reg(108), valid_);
    for (std::uint32_t i = 0; i < 16; ++i) {
        std::uint64_t address = active(dpb_[i]) ? find(dpb_[i].reference_ts) : 0;
        if (address == 0) address = destination;
        const bool field = (dpb_[i].flags & V4L2_H264_DPB_ENTRY_FLAG_FIELD) != 0;
        const bool top_closer = std::abs(dpb_[i].top_field_order_cnt - current_poc_) <
                                std::abs(dpb_[i].bottom_field_order_cnt - current_poc_);
        registers.write(reg(84 + i), static_cast<std::uint32_t>(address) | (field ? 2U : 0U) |
                                         (top_closer ? 1U : 0U));
    }
}

void H264Driver::set_buffers(const H264CodedPicture& controls, std::uint64_t source,
                             std::uint64_t destination, regs::RegisterBank& registers) const {
    const bool bottom = is_bottom(controls.decode);
    const std::uint64_t macroblocks =
        std::uint64_t{(width_ + 15) / 16} * std::uint64_t{(height_ + 15) / 16};
    registers.write(reg(64), static_cast<std::uint32_t>(source));
    registers.write(
        reg(63), static_cast<std::uint32_t>(destination + (bottom ? (width_ + 15) / 16 * 16 : 0)));
    if (controls.sps.profile_idc > 66 && controls.decode.nal_ref_idc != 0) {
        const bool monochrome =
            controls.sps.profile_idc >= 100 && controls.sps.chroma_format_idc == 0;
        const std::uint64_t offset =
            macroblocks * (monochrome ? 256 : 384) + (bottom ? 32 * macroblocks : 0);
        registers.write(reg(62), static_cast<std::uint32_t>(destination + offset));
    }
    registers.write(reg(61), static_cast<std::uint32_t>(tables_));
}

void H264Driver::program(const H264CodedPicture& controls, std::uint64_t source,
                         std::uint32_t source_size, std::uint64_t destination,
                         const FindBuffer& find, PlainDma& dma, regs::RegisterBank& registers) {
    const auto& decode = controls.decode;
    update_references(decode);
    current_poc_ = !is_field(decode)
                       ? std::min(decode.top_field_order_cnt, decode.bottom_field_order_cnt)
                   : is_bottom(decode) ? decode.bottom_field_order_cnt
                                       : decode.top_field_order_cnt;
    write_tables(controls, dma);
    const auto lists = build_lists(controls);
    set_parameters(controls, source_size, registers);
    set_references(lists, destination, find, registers);
    set_buffers(controls, source, destination, registers);
    registers.write(reg(57), registers.read(reg(57)) | 1U);
}

}  // namespace relfence::board
