// SPDX-License-Identifier: MIT
#include "players/converter_jobs.hpp"

#include <algorithm>
#include <linux/videodev2.h>

#include <relfence/v4l2/device.hpp>

#include "jobs/converter.hpp"

namespace relfence::players {
namespace {

/// Small: how well it is converted does not matter here.
constexpr unsigned height = 64;

Result<std::unique_ptr<viewing::JobSource>> open(UniqueFd video, const char* driver,
                                                 const jobs::Conversion& conversion, unsigned depth,
                                                 const Memory& memory) {
    auto jobs = jobs::open_converter(std::move(video), driver, conversion, depth, memory);
    if (!jobs) return tl::make_unexpected(jobs.error());
    return std::move(*jobs);
}

}  // namespace

Result<std::unique_ptr<viewing::JobSource>> open_vim2m(unsigned depth, const Memory& memory,
                                                       std::chrono::milliseconds job_time) {
    auto video = v4l2::open_video("vim2m");
    if (!video) return tl::make_unexpected(video.error());
    if (auto ok = v4l2::set_control(video->get(), "Transaction Time (msec)",
                                    std::max(job_time.count(), std::int64_t{1}));
        !ok)
        return tl::make_unexpected(ok.error());
    constexpr unsigned width = 64;
    return open(std::move(*video), "vim2m",
                {V4L2_BUF_TYPE_VIDEO_OUTPUT, V4L2_BUF_TYPE_VIDEO_CAPTURE, V4L2_PIX_FMT_RGB565X,
                 V4L2_PIX_FMT_RGB565X, width, height},
                depth, memory);
}

Result<std::unique_ptr<viewing::JobSource>> open_rga(unsigned depth, const Memory& memory,
                                                     unsigned width) {
    auto video = v4l2::open_video("rockchip-rga");
    if (!video) return tl::make_unexpected(video.error());
    return open(std::move(*video), "rockchip-rga",
                {V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE, V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE,
                 V4L2_PIX_FMT_NV12, V4L2_PIX_FMT_NV12, width, height},
                depth, memory);
}

}  // namespace relfence::players
