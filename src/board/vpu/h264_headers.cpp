// SPDX-License-Identifier: MIT
#include "board/vpu/h264_headers.hpp"

#include <algorithm>

#include "board/vpu/h264_bits.hpp"

namespace relfence::board::vpu {
namespace {

constexpr std::uint8_t nal_slice = 0x21, nal_idr = 0x65, nal_sps = 0x67, nal_pps = 0x68;
constexpr unsigned poc_bits = 16;
constexpr std::uint32_t stream_pps = 0, synthetic_pps = 1;

/// The order in which a scaling list is sent: H.264 8.5.6, along the diagonals by turns.
std::vector<std::size_t> zigzag(std::size_t size) {
    std::vector<std::size_t> order;
    for (std::size_t diagonal = 0; diagonal < 2 * size - 1; ++diagonal) {
        for (std::size_t step = 0; step <= diagonal; ++step) {
            const std::size_t y = diagonal % 2 == 0 ? diagonal - step : step;
            const std::size_t x = diagonal - y;
            if (x < size && y < size) order.push_back(y * size + x);
        }
    }
    return order;
}

void write_scaling_list(BitWriter& out, std::span<const std::uint8_t> list, std::size_t size) {
    out.flag(true);
    int last = 8;
    for (const std::size_t place : zigzag(size)) {
        int delta = list[place] - last;
        if (delta > 127) delta -= 256;
        if (delta < -128) delta += 256;
        out.signed_golomb(delta);
        last = list[place];
    }
}

std::vector<std::uint8_t> sequence(const H264Job& job) {
    BitWriter out;
    out.bits(100, 8);  // High: has everything that the other profiles of the hardware have
    out.bits(0, 8);
    out.bits(52, 8);
    out.golomb(0);
    out.golomb(job.monochrome ? 0 : 1);
    out.golomb(0);
    out.golomb(0);
    out.bits(0, 2);  // no transform bypass, no scaling lists here
    out.golomb(codec_frame_num_bits - 4);
    out.golomb(0);
    out.golomb(poc_bits - 4);
    out.golomb(codec_ref_frames);
    out.flag(false);
    out.golomb(job.mb_width - 1);
    out.golomb(job.mb_height / (job.frame_mbs_only ? 1 : 2) - 1);
    out.flag(job.frame_mbs_only);
    if (!job.frame_mbs_only) out.flag(job.mbaff);
    out.flag(job.direct_8x8_inference);
    out.flag(false);
    // VUI with nothing but the statement that no picture waits for another one.
    out.flag(true);
    out.bits(0, 8);
    out.flag(true);
    out.flag(true);
    out.golomb(0);
    out.golomb(0);
    out.golomb(15);
    out.golomb(15);
    out.golomb(0);
    out.golomb(codec_ref_frames);
    out.trailing();
    return out.take();
}

std::vector<std::uint8_t> picture(const H264Job& job) {
    BitWriter out;
    out.golomb(stream_pps);
    out.golomb(0);
    out.flag(job.cabac);
    out.flag(true);  // delta_pic_order_cnt_bottom is in every frame
    out.golomb(0);
    out.golomb(job.active_refs[0] - 1);
    out.golomb(job.active_refs[1] - 1);
    out.flag(job.weighted_pred);
    out.bits(job.weighted_bipred, 2);
    out.signed_golomb(job.init_qp - 26);
    out.signed_golomb(0);
    out.signed_golomb(job.chroma_qp_offset[0]);
    out.flag(job.deblocking_control);
    out.flag(job.constrained_intra);
    out.flag(false);  // redundant slices are taken out
    out.flag(job.transform_8x8);
    out.flag(job.scaling);
    if (job.scaling) {
        for (const auto& list : job.scaling_4x4) write_scaling_list(out, list, 4);
        if (job.transform_8x8)
            for (const auto& list : job.scaling_8x8) write_scaling_list(out, list, 8);
    }
    out.signed_golomb(job.chroma_qp_offset[1]);
    out.trailing();
    return out.take();
}

std::vector<std::uint8_t> synthetic_picture() {
    BitWriter out;
    out.golomb(synthetic_pps);
    out.golomb(0);
    out.bits(0b01, 2);  // CAVLC, delta_pic_order_cnt_bottom
    out.golomb(0);
    out.golomb(0);
    out.golomb(0);
    out.bits(0, 3);
    out.signed_golomb(0);
    out.signed_golomb(0);
    out.signed_golomb(0);
    out.bits(0b100, 3);  // deblocking can be turned off
    out.trailing();
    return out.take();
}

void write_list(BitWriter& out, const std::vector<CodecHeader::Reference>& list, bool field,
                FieldMask structure, std::uint32_t frame_num) {
    out.flag(!list.empty());
    if (list.empty()) return;
    const std::uint32_t range = 1U << (codec_frame_num_bits + (field ? 1U : 0U));
    std::uint32_t predicted = field ? 2 * frame_num + 1 : frame_num;
    const auto number = [&](std::uint32_t frame, FieldMask fields) {
        return field ? 2 * frame + (fields == structure ? 1U : 0U) : frame;
    };
    for (const auto& [picture, fields] : list) {
        if (picture.long_term >= 0) {
            out.golomb(2);
            out.golomb(number(static_cast<std::uint32_t>(picture.long_term), fields));
            continue;
        }
        const std::uint32_t wanted = number(picture.frame_num, fields);
        // The same picture again is a whole turn away.
        const std::uint32_t back = (predicted - wanted - 1) % range + 1;
        out.golomb(0);
        out.golomb(back - 1);
        predicted = wanted;
    }
    out.golomb(3);
}

/// dec_ref_pic_marking() that drops pictures, and keeps this one for long if it is to be.
void write_marking(BitWriter& out, const CodecHeader& header, bool field, FieldMask structure) {
    if (header.idr) {
        out.bits(0, 2);
        return;
    }
    const bool any = !header.drop.empty() || header.long_term >= 0;
    out.flag(any);
    if (!any) return;
    const std::uint32_t range = 1U << (codec_frame_num_bits + (field ? 1U : 0U));
    const std::uint32_t current = field ? 2 * header.frame_num + 1 : header.frame_num;
    // In a field every field is named by itself.
    const auto each = [&](const CodecNumber& picture, std::uint32_t frame, auto&& write) {
        if (!field) return write(frame);
        for (const FieldMask fields : {top_field, bottom_field})
            if ((picture.fields & fields) != 0) write(2 * frame + (fields == structure ? 1U : 0U));
    };
    for (const CodecNumber& picture : header.drop) {
        if (picture.long_term >= 0)
            each(picture, static_cast<std::uint32_t>(picture.long_term), [&](std::uint32_t number) {
                out.golomb(2);
                out.golomb(number);
            });
        else
            each(picture, picture.frame_num, [&](std::uint32_t number) {
                out.golomb(1);
                out.golomb((current - number - 1) % range);
            });
    }
    if (header.long_term >= 0) {
        out.golomb(6);
        out.golomb(static_cast<std::uint32_t>(header.long_term));
    }
    out.golomb(0);
}

void write_start(BitWriter& out, const H264Job& job, FieldMask structure, std::uint32_t first_mb,
                 std::uint32_t type, std::uint32_t pps, const CodecHeader& header) {
    out.golomb(first_mb);
    out.golomb(type);
    out.golomb(pps);
    out.bits(header.frame_num, codec_frame_num_bits);
    const bool field = structure != both_fields;
    if (!job.frame_mbs_only) {
        out.flag(field);
        if (field) out.flag(structure == bottom_field);
    }
    if (header.idr) out.golomb(header.idr_pic_id);
    out.bits(static_cast<std::uint32_t>(header.poc[structure == bottom_field ? 1 : 0]), poc_bits);
    if (!field) out.signed_golomb(header.poc[1] - header.poc[0]);
}

}  // namespace

std::vector<std::uint8_t> write_parameter_sets(const H264Job& job) {
    std::vector<std::uint8_t> stream;
    append_nal(stream, nal_sps, sequence(job));
    append_nal(stream, nal_pps, picture(job));
    append_nal(stream, nal_pps, synthetic_picture());
    return stream;
}

void append_slice(std::vector<std::uint8_t>& stream, const H264Job& job, const H264Slice& slice,
                  const CodecHeader& header) {
    BitWriter out;
    write_start(out, job, job.structure(), slice.first_mb, slice.type, stream_pps, header);
    if (slice.kind == SliceKind::b) out.flag(slice.direct_spatial);
    if (slice.kind != SliceKind::i) {
        const unsigned lists = slice.kind == SliceKind::b ? 2 : 1;
        out.flag(true);
        for (unsigned list = 0; list < lists; ++list) out.golomb(slice.active_refs[list] - 1);
        for (unsigned list = 0; list < lists; ++list)
            write_list(out, header.lists[list], job.field, job.structure(), header.frame_num);
    }
    out.copy(slice.payload, slice.weights_begin, slice.weights_end);
    if (slice.nal_ref_idc != 0) write_marking(out, header, job.field, job.structure());
    out.copy(slice.payload, slice.tail_begin, slice.data_begin);
    std::size_t data = slice.data_begin;
    if (job.cabac) {
        out.align_with_ones();
        data = (data + 7) / 8 * 8;
    }
    out.copy(slice.payload, data, slice.payload.size() * 8);
    const auto kind = static_cast<std::uint8_t>(header.idr ? 5 : 1);
    append_nal(stream, static_cast<std::uint8_t>(slice.nal_ref_idc << 5 | kind), out.take());
}

void append_synthetic(std::vector<std::uint8_t>& stream, const H264Job& job, FieldMask structure,
                      const CodecHeader& header) {
    constexpr std::uint32_t intra_slice = 7;
    const bool field = structure != both_fields;
    BitWriter out;
    write_start(out, job, structure, 0, intra_slice, synthetic_pps, header);
    write_marking(out, header, field, structure);
    out.signed_golomb(0);
    out.golomb(1);  // no deblocking
    const bool pairs = job.mbaff && !field;
    const unsigned count = job.macroblocks() / (field ? 2 : 1);
    for (unsigned i = 0; i < count; ++i) {
        if (pairs && i % 2 == 0) out.flag(false);  // a pair of frame macroblocks
        out.golomb(3);                             // Intra 16x16, DC, no coefficients
        if (!job.monochrome) out.golomb(0);        // chroma DC
        out.signed_golomb(0);                      // the same quantiser
        out.flag(true);                            // no DC coefficients
    }
    out.trailing();
    append_nal(stream, header.idr ? nal_idr : nal_slice, out.take());
}

}  // namespace relfence::board::vpu
