// SPDX-License-Identifier: MIT
#include "players/visl_setup.hpp"

#include <linux/videodev2.h>

#include <relfence/v4l2/device.hpp>

#include "players/clip.hpp"

namespace relfence::players {

Result<std::size_t> set_visl_formats(int video) {
    v4l2_format format{};
    format.type = V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE;
    format.fmt.pix_mp.width = clip_width;
    format.fmt.pix_mp.height = clip_height;
    format.fmt.pix_mp.pixelformat = V4L2_PIX_FMT_FWHT_STATELESS;
    format.fmt.pix_mp.num_planes = 1;
    if (auto ok = v4l2::call(video, VIDIOC_S_FMT, &format, "VIDIOC_S_FMT"); !ok)
        return tl::make_unexpected(ok.error());
    format = {};
    format.type = V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
    if (auto ok = v4l2::call(video, VIDIOC_G_FMT, &format, "VIDIOC_G_FMT"); !ok)
        return tl::make_unexpected(ok.error());
    const v4l2_pix_format_mplane& frame = format.fmt.pix_mp;
    if (frame.width != clip_width || frame.height != clip_height || frame.num_planes != 1 ||
        frame.pixelformat != V4L2_PIX_FMT_NV12)
        return fail("does not take the clip's size as NV12", "visl");
    return frame.plane_fmt[0].sizeimage;
}

v4l2_ctrl_fwht_params visl_params() {
    v4l2_ctrl_fwht_params params{};
    params.version = V4L2_FWHT_VERSION;
    params.width = clip_width;
    params.height = clip_height;
    params.flags =
        V4L2_FWHT_FL_I_FRAME | V4L2_FWHT_FL_PIXENC_YUV | (2 << V4L2_FWHT_FL_COMPONENTS_NUM_OFFSET);
    return params;
}

Result<void> set_visl_frame(int video, const v4l2::Request& request) {
    v4l2_ctrl_fwht_params params = visl_params();
    return request.set_control(video, V4L2_CID_STATELESS_FWHT_PARAMS, &params, sizeof params);
}

}  // namespace relfence::players
