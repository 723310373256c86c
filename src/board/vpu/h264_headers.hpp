// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "board/vpu/h264_slice.hpp"

namespace relfence::board::vpu {

/// A picture as the software decoder knows it, under a numbering of our own: frame_num counts
/// reference frames without gaps, so nothing that the stream does to its numbers, and no picture
/// that never came, disturbs the decoder.
struct CodecNumber {
    std::uint32_t frame_num = 0;
    int long_term = -1;    ///< long term index, -1: short term
    FieldMask fields = 0;  ///< those that were decoded
};

/// What is written into the header of a slice in place of what stands there.
struct CodecHeader {
    bool idr = false;
    std::uint32_t idr_pic_id = 0;
    std::uint32_t frame_num = 0;
    std::array<std::int32_t, 2> poc{};
    /// A final list entry: the picture, and which field of it.
    struct Reference {
        CodecNumber picture;
        FieldMask fields;
    };
    std::array<std::vector<Reference>, 2> lists;
    std::vector<CodecNumber> drop;  ///< pictures that are references no more
    int long_term = -1;             ///< this picture's long term index
};

inline constexpr unsigned codec_frame_num_bits = 16;
inline constexpr unsigned codec_ref_frames = 16;

/// SPS and PPS NAL units of a job, and a second PPS for synthetic pictures, as a byte stream.
[[nodiscard]] std::vector<std::uint8_t> write_parameter_sets(const H264Job& job);
/// Appends a slice of the stream with a new header: the hardware takes order counts, numbers and
/// lists from registers and tables, a software decoder only from the header.
void append_slice(std::vector<std::uint8_t>& stream, const H264Job& job, const H264Slice& slice,
                  const CodecHeader& header);
/// Appends a grey intra picture, one byte per macroblock: it takes a place among the decoder's
/// references, whose pixels are then filled in.
/// @param structure of the synthetic picture: a frame or a single field
void append_synthetic(std::vector<std::uint8_t>& stream, const H264Job& job, FieldMask structure,
                      const CodecHeader& header);

}  // namespace relfence::board::vpu
