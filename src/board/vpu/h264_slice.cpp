// SPDX-License-Identifier: MIT
#include "board/vpu/h264_slice.hpp"

#include <cerrno>
#include <string>

#include "board/vpu/h264_bits.hpp"

namespace relfence::board::vpu {
namespace {

constexpr unsigned nal_slice = 1, nal_partition_a = 2, nal_partition_c = 4, nal_idr = 5;

tl::unexpected<Error> bad_slice(const char* why) {
    return tl::make_unexpected(Error{EBADMSG, "H.264 slice", why, {}});
}

void parse_weights(BitReader& reader, const H264Job& job, const H264Slice& slice) {
    reader.golomb();
    if (!job.monochrome) reader.golomb();
    for (const unsigned count : slice.active_refs) {
        for (unsigned i = 0; i < count && !reader.failed(); ++i) {
            if (reader.flag()) {
                reader.signed_golomb();
                reader.signed_golomb();
            }
            if (!job.monochrome && reader.flag())
                for (int value = 0; value < 4; ++value) reader.signed_golomb();
        }
    }
}

bool parse_changes(BitReader& reader, H264Slice& slice, unsigned list) {
    if (!reader.flag()) return true;
    for (;;) {
        const std::uint32_t operation = reader.golomb();
        if (operation == 3) return true;
        if (operation > 3 || reader.failed() ||
            slice.changes[list].size() >= slice.active_refs[list])
            return false;
        slice.changes[list].push_back({operation, reader.golomb()});
    }
}

/// slice_header() of H.264 7.3.3. The fields of the picture come from the registers; what the
/// slice says of them is passed over.
Result<H264Slice> parse_slice(const H264Job& job, std::span<const std::uint8_t> nal) {
    H264Slice slice;
    slice.nal_ref_idc = nal[0] >> 5 & 3U;
    const bool idr = (nal[0] & 31U) == nal_idr;
    slice.payload = unescape(nal.subspan(1));
    BitReader reader(slice.payload);
    slice.first_mb = reader.golomb();
    slice.type = reader.golomb();
    if (slice.type > 9 || slice.type % 5 > 2) return bad_slice("switching slices");
    slice.kind = static_cast<SliceKind>(slice.type % 5);
    reader.golomb();  // pic_parameter_set_id
    reader.skip(job.frame_num_bits);
    if (!job.frame_mbs_only) {
        const bool field = reader.flag();
        const bool bottom = field && reader.flag();
        if (field != job.field || bottom != job.bottom)
            return bad_slice("its field flags are not those of the job");
    }
    if (idr) reader.golomb();
    reader.skip(job.poc_bits);
    if (job.redundant_counts) slice.redundant_count = reader.golomb();
    if (slice.kind == SliceKind::b) slice.direct_spatial = reader.flag();
    if (slice.kind != SliceKind::i) {
        const bool own = reader.flag();
        const unsigned lists = slice.kind == SliceKind::b ? 2 : 1;
        for (unsigned list = 0; list < lists; ++list) {
            slice.active_refs[list] = own ? reader.golomb() + 1 : job.active_refs[list];
            if (slice.active_refs[list] == 0 || slice.active_refs[list] > (job.field ? 32U : 16U))
                return bad_slice("number of references");
        }
        for (unsigned list = 0; list < lists; ++list)
            if (!parse_changes(reader, slice, list)) return bad_slice("list modification");
    }
    slice.weights_begin = reader.position();
    if ((slice.kind == SliceKind::p && job.weighted_pred) ||
        (slice.kind == SliceKind::b && job.weighted_bipred == 1))
        parse_weights(reader, job, slice);
    slice.weights_end = reader.position();
    if (slice.nal_ref_idc != 0) reader.skip(job.marking_bits);
    slice.tail_begin = reader.position();
    if (job.cabac && slice.kind != SliceKind::i) reader.golomb();
    reader.signed_golomb();
    if (job.deblocking_control && reader.golomb() != 1) {
        reader.signed_golomb();
        reader.signed_golomb();
    }
    slice.data_begin = reader.position();
    if (reader.failed() || slice.data_begin >= reader.size())
        return bad_slice("a header that is cut off");
    return slice;
}

}  // namespace

Result<std::vector<H264Slice>> parse_slices(const H264Job& job) {
    std::vector<H264Slice> slices;
    for (const auto nal : split_nal_units(job.stream)) {
        const unsigned type = nal[0] & 31U;
        if (type >= nal_partition_a && type <= nal_partition_c) return bad_slice("data partitions");
        if (type != nal_slice && type != nal_idr) continue;
        auto slice = parse_slice(job, nal);
        if (!slice) return tl::make_unexpected(slice.error());
        if (slice->redundant_count == 0) slices.push_back(std::move(*slice));
    }
    if (slices.empty()) return bad_slice("no slice in the stream buffer");
    if (slices.front().first_mb != 0)
        return bad_slice("the first slice is not at the first macroblock");
    for (const H264Slice& slice : slices)
        if ((slice.nal_ref_idc != 0) != (slices.front().nal_ref_idc != 0))
            return bad_slice("slices of a reference and of another picture");
    return slices;
}

}  // namespace relfence::board::vpu
