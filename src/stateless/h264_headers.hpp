// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <linux/v4l2-controls.h>
#include <span>
#include <vector>

#include <relfence/base/error.hpp>

namespace relfence::stateless {

/// One coded picture of an H.264 stream, a frame or a field, as a request for a stateless decoder
/// in frame mode with Annex B start codes needs it.
///
/// Frames are counted in coding order from 0; two fields of a frame have the same number.
struct H264CodedPicture {
    v4l2_ctrl_h264_sps sps{};
    v4l2_ctrl_h264_pps pps{};
    v4l2_ctrl_h264_scaling_matrix scaling{};
    /// `reference_ts` of each reference is h264_timestamp() of its frame: queue the OUTPUT buffer
    /// of a frame with that timestamp, or replace them.
    v4l2_ctrl_h264_decode_params decode{};
    /// The slices with their start codes.
    std::vector<std::uint8_t> slices;
    std::size_t frame = 0;
    bool second_field = false;
    /// A second field follows: the request holds the CAPTURE buffer
    /// (V4L2_BUF_FLAG_M2M_HOLD_CAPTURE_BUF).
    bool first_field = false;
};

/// The timestamp of a frame in nanoseconds: whole microseconds, as V4L2's timeval keeps them.
[[nodiscard]] constexpr std::uint64_t h264_timestamp(std::size_t frame) {
    return (std::uint64_t{frame} + 1) * 1000;
}

/// Takes an H.264 byte stream (Annex B) apart, and follows what each picture does to the references
/// (H.264 8.2.1 and 8.2.5). Headers are parsed by GStreamer's codec parsers.
/// @return EBADMSG when the stream does not begin with parameter sets, or a header is damaged
[[nodiscard]] Result<std::vector<H264CodedPicture>> parse_h264(
    std::span<const std::uint8_t> stream);

}  // namespace relfence::stateless
