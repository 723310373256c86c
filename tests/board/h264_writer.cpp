// SPDX-License-Identifier: MIT
#include "h264_writer.hpp"

#include <stdexcept>

#include "board/vpu/h264_bits.hpp"
#include "board/vpu/h264_slice.hpp"
#include "h264_streams.hpp"
#include "stateless/h264_headers.hpp"

namespace relfence::board {
namespace {

using stateless::H264CodedPicture;
using vpu::BitWriter;
using vpu::H264Slice;
using vpu::SliceKind;

constexpr int width = 176, height = 160;
constexpr std::uint32_t mb_rows = height / 16;
constexpr unsigned order_bits = 8;
constexpr std::uint32_t second_index = 1;  ///< long term, of every fourth frame

enum class Part { frame, top, bottom };

std::vector<H264CodedPicture> encode(const H264Writing& writing, int lines, int seed) {
    H264Encoding encoding;
    encoding.width = width;
    encoding.height = lines;
    encoding.frames = writing.frames;
    encoding.seed = seed;
    encoding.options = "weightp=0:" + writing.options;
    const auto stream = encode_h264(encoding);
    auto pictures = stateless::parse_h264(stream);
    if (!pictures) throw std::runtime_error{pictures.error().message()};
    return std::move(*pictures);
}

/// The slices of a picture, taken apart as the engine does it.
std::vector<H264Slice> slices_of(const H264CodedPicture& picture) {
    const auto has = [&](unsigned flag) { return (picture.pps.flags & flag) != 0; };
    vpu::H264Job job;
    job.frame_num_bits = picture.sps.log2_max_frame_num_minus4 + 4U;
    job.poc_bits = picture.decode.pic_order_cnt_bit_size;
    job.marking_bits = picture.decode.dec_ref_pic_marking_bit_size;
    job.cabac = has(V4L2_H264_PPS_FLAG_ENTROPY_CODING_MODE);
    job.weighted_pred = has(V4L2_H264_PPS_FLAG_WEIGHTED_PRED);
    job.weighted_bipred = picture.pps.weighted_bipred_idc;
    job.deblocking_control = has(V4L2_H264_PPS_FLAG_DEBLOCKING_FILTER_CONTROL_PRESENT);
    job.active_refs = {picture.pps.num_ref_idx_l0_default_active_minus1 + 1U,
                       picture.pps.num_ref_idx_l1_default_active_minus1 + 1U};
    job.stream = picture.slices;
    auto slices = vpu::parse_slices(job);
    if (!slices) throw std::runtime_error{slices.error().message()};
    return std::move(*slices);
}

class Writer {
  public:
    explicit Writer(const H264Writing& writing) : writing_{writing} {}

    std::vector<std::uint8_t> write() {
        const auto frames = encode(writing_, height, 1);
        std::vector<H264CodedPicture> tops, bottoms;
        if (writing_.fields) {
            tops = encode(writing_, height / 2, 2);
            bottoms = encode(writing_, height / 2, 3);
        }
        parameters(frames.front());
        for (std::size_t i = 0; i < frames.size(); ++i) {
            number_ = i;
            const bool whole =
                !writing_.fields || (writing_.frame_every != 0 &&
                                     i % static_cast<std::size_t>(writing_.frame_every) == 1);
            if (whole) {
                picture(frames[i], Part::frame, false);
                continue;
            }
            if (tops[i].decode.frame_num != frames[i].decode.frame_num ||
                tops[i].decode.nal_ref_idc != bottoms[i].decode.nal_ref_idc)
                throw std::runtime_error{"libx264 has chosen other kinds of pictures"};
            const bool bottom_first = writing_.bottom_first;
            picture(bottom_first ? bottoms[i] : tops[i], bottom_first ? Part::bottom : Part::top,
                    false);
            picture(bottom_first ? tops[i] : bottoms[i], bottom_first ? Part::top : Part::bottom,
                    true);
        }
        return std::move(stream_);
    }

  private:
    void parameters(const H264CodedPicture& like) {
        BitWriter sps;
        sps.bits(100, 8);
        sps.bits(0, 8);
        sps.bits(40, 8);
        sps.golomb(0);
        sps.golomb(1);
        sps.golomb(0);
        sps.golomb(0);
        sps.bits(0, 2);
        sps.golomb(like.sps.log2_max_frame_num_minus4);
        sps.golomb(writing_.counts_of_type_2 ? 2 : 0);
        if (!writing_.counts_of_type_2) sps.golomb(order_bits - 4);
        sps.golomb(like.sps.max_num_ref_frames + (writing_.long_term ? 2U : 0U));
        sps.flag(false);
        sps.golomb(width / 16 - 1);
        sps.golomb(mb_rows / (writing_.fields ? 2 : 1) - 1);
        sps.flag(!writing_.fields);
        if (writing_.fields) sps.flag(writing_.mbaff);
        sps.flag(true);
        sps.bits(0, 2);  // not cropped, no VUI
        sps.trailing();
        vpu::append_nal(stream_, 0x67, sps.take());

        const auto has = [&](unsigned flag) { return (like.pps.flags & flag) != 0; };
        BitWriter pps;
        pps.golomb(0);
        pps.golomb(0);
        pps.flag(has(V4L2_H264_PPS_FLAG_ENTROPY_CODING_MODE));
        pps.flag(true);
        pps.golomb(0);
        pps.golomb(0);
        pps.golomb(0);
        pps.flag(has(V4L2_H264_PPS_FLAG_WEIGHTED_PRED));
        pps.bits(like.pps.weighted_bipred_idc, 2);
        pps.signed_golomb(like.pps.pic_init_qp_minus26);
        pps.signed_golomb(0);
        pps.signed_golomb(like.pps.chroma_qp_index_offset);
        pps.flag(has(V4L2_H264_PPS_FLAG_DEBLOCKING_FILTER_CONTROL_PRESENT));
        pps.flag(has(V4L2_H264_PPS_FLAG_CONSTRAINED_INTRA_PRED));
        pps.flag(false);
        pps.flag(has(V4L2_H264_PPS_FLAG_TRANSFORM_8X8_MODE));
        pps.flag(false);
        pps.signed_golomb(like.pps.second_chroma_qp_index_offset);
        pps.trailing();
        vpu::append_nal(stream_, 0x68, pps.take());
    }

    void picture(const H264CodedPicture& from, Part part, bool second) {
        for (const H264Slice& slice : slices_of(from)) append(from, slice, part, second);
    }

    void append(const H264CodedPicture& from, const H264Slice& slice, Part part, bool second) {
        // Only the first field of an IDR frame is an IDR picture.
        const bool idr = (from.decode.flags & V4L2_H264_DECODE_PARAM_FLAG_IDR_PIC) != 0 && !second;
        const bool field = part != Part::frame;
        BitWriter out;
        out.golomb(slice.first_mb);
        out.golomb(slice.type);
        out.golomb(0);
        out.bits(from.decode.frame_num, from.sps.log2_max_frame_num_minus4 + 4U);
        if (writing_.fields) {
            out.flag(field);
            if (field) out.flag(part == Part::bottom);
        }
        if (idr) out.golomb(from.decode.idr_pic_id);
        if (!writing_.counts_of_type_2) {
            // libx264 counts in twos: the second field has the number between.
            const int order =
                std::min(from.decode.top_field_order_cnt, from.decode.bottom_field_order_cnt) +
                (second || (!field && writing_.bottom_first) ? 1 : 0);
            out.bits(static_cast<std::uint32_t>(order), order_bits);
            if (!field) out.signed_golomb(writing_.fields ? (writing_.bottom_first ? -1 : 1) : 0);
        }
        if (slice.kind == SliceKind::b) out.flag(slice.direct_spatial);
        if (slice.kind != SliceKind::i) {
            const unsigned lists = slice.kind == SliceKind::b ? 2 : 1;
            out.flag(true);
            for (unsigned list = 0; list < lists; ++list) out.golomb(slice.active_refs[list] - 1);
            for (unsigned list = 0; list < lists; ++list) {
                const bool own_frame =
                    second && writing_.first_field_in_front && slice.kind == SliceKind::p;
                // The frame before has kept the one before that.
                const bool kept =
                    writing_.long_term && number_ % 4 == 0 && slice.kind == SliceKind::p;
                out.flag(own_frame || kept);
                if (!own_frame && !kept) continue;
                if (kept) {
                    out.golomb(2);
                    out.golomb(field ? 2 * second_index + (second ? 0 : 1) : second_index);
                } else {
                    // One picture number back is the other field of this frame.
                    out.golomb(0);
                    out.golomb(0);
                }
                out.golomb(3);
            }
        }
        out.copy(slice.payload, slice.weights_begin, slice.weights_end);
        if (slice.nal_ref_idc != 0) marking(out, idr, field);
        out.copy(slice.payload, slice.tail_begin, slice.data_begin);
        std::size_t data = slice.data_begin;
        if ((from.pps.flags & V4L2_H264_PPS_FLAG_ENTROPY_CODING_MODE) != 0) {
            out.align_with_ones();
            data = (data + 7) / 8 * 8;
        }
        out.copy(slice.payload, data, slice.payload.size() * 8);
        vpu::append_nal(stream_,
                        static_cast<std::uint8_t>(slice.nal_ref_idc << 5 | (idr ? 5U : 1U)),
                        out.take());
    }

    void marking(BitWriter& out, bool idr, bool field) {
        if (idr) {
            out.flag(false);
            out.flag(writing_.long_term && !writing_.fields);
            return;
        }
        if (!writing_.long_term || number_ % 4 != 3) {
            out.flag(false);
            return;
        }
        out.flag(true);
        out.golomb(4);
        out.golomb(second_index + 1);
        // The frame before; of fields, that of the same parity is two numbers back.
        out.golomb(3);
        out.golomb(field ? 1 : 0);
        out.golomb(second_index);
        out.golomb(0);
    }

    const H264Writing& writing_;
    std::vector<std::uint8_t> stream_;
    std::size_t number_ = 0;
};

}  // namespace

std::vector<std::uint8_t> write_h264(const H264Writing& writing) {
    return Writer{writing}.write();
}

}  // namespace relfence::board
