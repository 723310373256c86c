// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/board/device_model.hpp>
#include <relfence/regs/register_bank.hpp>

namespace relfence::board::vpu {

/// Which fields of a frame: bit 0 top, bit 1 bottom.
using FieldMask = unsigned;
inline constexpr FieldMask top_field = 1, bottom_field = 2, both_fields = 3;

/// One of the 16 reference pictures that the driver programmed.
struct H264Slot {
    std::uint64_t address = 0;  ///< of the frame
    std::uint32_t number = 0;   ///< frame_num, or the long term index
    bool long_term = false;
    FieldMask fields = 0;  ///< those that are references; 0: nothing is here
    std::array<std::int32_t, 2> poc{};
};

/// A decode job of VDPU2 as the driver programmed it: what is in the registers and the tables, and
/// a copy of the stream. Plain values, safe to move between threads.
struct H264Job {
    // The sequence.
    unsigned mb_width = 0, mb_height = 0;  ///< of the frame, also for a field
    bool frame_mbs_only = true, mbaff = false, direct_8x8_inference = false, monochrome = false;
    unsigned ref_frames = 0, frame_num_bits = 4;

    // The picture's parameters.
    bool cabac = false, weighted_pred = false, constrained_intra = false, transform_8x8 = false;
    bool deblocking_control = false, redundant_counts = false, scaling = false;
    unsigned weighted_bipred = 0;
    std::array<unsigned, 2> active_refs{};  ///< default of num_ref_idx_active
    std::int32_t init_qp = 26;
    std::array<std::int32_t, 2> chroma_qp_offset{};
    std::array<std::array<std::uint8_t, 16>, 6> scaling_4x4{};  ///< in raster order
    std::array<std::array<std::uint8_t, 64>, 2> scaling_8x8{};

    // The picture.
    bool field = false, bottom = false, idr = false;
    std::uint32_t frame_num = 0;
    unsigned poc_bits = 0, marking_bits = 0;  ///< sizes of syntax elements that are skipped
    /// Of a field its own is known. Of a frame both are with MBAFF, else only the smaller one.
    std::array<std::int32_t, 2> poc{};
    std::array<H264Slot, 16> slots{};
    std::array<std::array<std::uint8_t, 16>, 3> initial{};  ///< P, B list 0, B list 1
    std::uint64_t output = 0;  ///< of the frame, also for a bottom field
    std::vector<std::uint8_t> stream;

    [[nodiscard]] unsigned macroblocks() const { return mb_width * mb_height; }
    [[nodiscard]] std::size_t stride() const { return std::size_t{mb_width} * 16; }
    [[nodiscard]] std::size_t luma_size() const { return std::size_t{macroblocks()} * 256; }
    [[nodiscard]] std::size_t frame_size() const {
        return monochrome ? luma_size() : luma_size() / 2 * 3;
    }
    [[nodiscard]] FieldMask structure() const {
        if (!field) return both_fields;
        return bottom ? bottom_field : top_field;
    }
    /// The slot is the frame that this job writes: the first field for the second.
    [[nodiscard]] bool is_output(const H264Slot& slot) const { return slot.address == output; }
};

/// Reads a job. Layout of the tables: struct hantro_h264_dec_priv_tbl of hantro_h264.c.
/// @return EFAULT when the stream, the tables, the output or its motion vectors are not in memory;
///         EBADMSG for what this model does not know or no stream can ask for
[[nodiscard]] Result<H264Job> read_h264_job(const regs::RegisterBank& registers, const Dma& dma);

}  // namespace relfence::board::vpu
