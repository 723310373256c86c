// SPDX-License-Identifier: MIT
#include "jobs/coded_streams.hpp"

#include <linux/videodev2.h>

#include "jobs/fwht_frames.hpp"
#include "jobs/h264_frames.hpp"
#include "jobs/jpeg_frames.hpp"
#include "jobs/mpeg2_frames.hpp"
#include "jobs/vp8_frames.hpp"

namespace relfence::jobs {
namespace {

using Bytes = std::vector<std::uint8_t>;

/// All headers and a quarter of the picture, at any size.
template <Bytes (*make)(unsigned, unsigned, unsigned)>
Bytes cut(unsigned width, unsigned height, unsigned index) {
    Bytes frame = make(width, height, index);
    const std::size_t head = make(width, 16, index).size();
    if (frame.size() > head) frame.resize(head + (frame.size() - head) / 4);
    return frame;
}

Bytes fwht(unsigned width, unsigned height, unsigned index) {
    return with_header(make_fwht_frame(width, height, index));
}
Bytes broken_fwht(unsigned width, unsigned height, unsigned index) {
    return with_header(make_fwht_frame(width, height, index, true));
}

/// A decoder may be joined to the stream anywhere: each frame has the parameter sets.
Bytes h264(unsigned width, unsigned height, unsigned index) {
    Bytes unit = make_h264_parameters(width, height);
    const Bytes slice = make_h264_slice(width, height, index);
    unit.insert(unit.end(), slice.begin(), slice.end());
    return unit;
}

constexpr StatefulCodec codecs[] = {
    {V4L2_PIX_FMT_FWHT, "fwht", fwht, broken_fwht},
    {V4L2_PIX_FMT_VP8, "vp8", make_vp8_frame, cut<make_vp8_frame>},
    {V4L2_PIX_FMT_H264, "h264", h264, cut<h264>},
    {V4L2_PIX_FMT_MPEG2, "mpeg2", make_mpeg2_stream, cut<make_mpeg2_stream>},
    {V4L2_PIX_FMT_JPEG, "jpeg", make_jpeg, cut<make_jpeg>},
    {V4L2_PIX_FMT_MJPEG, "jpeg", make_jpeg, cut<make_jpeg>},
};

}  // namespace

std::span<const StatefulCodec> stateful_codecs() {
    return codecs;
}

}  // namespace relfence::jobs
