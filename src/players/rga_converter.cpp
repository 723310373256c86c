// SPDX-License-Identifier: MIT
#include "players/rga_converter.hpp"

#include <fcntl.h>
#include <linux/videodev2.h>

#include <relfence/v4l2/device.hpp>

namespace relfence::players {
Result<RgaConverter> RgaConverter::open(std::span<const int> frames, unsigned width,
                                        unsigned height) {
    auto fd = v4l2::open_video("rockchip-rga");
    if (!fd) return tl::make_unexpected(fd.error());
    const auto in = v4l2::set_format(fd->get(), V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE,
                                     {V4L2_PIX_FMT_NV12, width, height});
    if (!in) return tl::make_unexpected(in.error());
    const auto out = v4l2::set_format(fd->get(), V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE,
                                      {V4L2_PIX_FMT_XBGR32, width, height});
    if (!out) return tl::make_unexpected(out.error());
    std::vector<UniqueFd> pool;
    for (const int frame : frames) {
        pool.emplace_back(::fcntl(frame, F_DUPFD_CLOEXEC, 0));
        if (!pool.back().valid()) return fail_errno("duplicate", "dma-buf");
    }
    auto input = v4l2::Stream::import(fd->get(), V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE, std::move(pool),
                                      in->size);
    if (!input) return tl::make_unexpected(input.error());
    auto output = v4l2::Stream::create(fd->get(), V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE, 1);
    if (!output) return tl::make_unexpected(output.error());
    for (const v4l2::Stream* stream : {&*input, &*output})
        if (auto ok = stream->on(); !ok) return tl::make_unexpected(ok.error());
    return RgaConverter{std::move(*fd), std::move(*input), std::move(*output)};
}

Result<std::span<const std::uint8_t>> RgaConverter::convert(unsigned buffer) {
    if (auto ok = output_.queue(0, {}); !ok) return tl::make_unexpected(ok.error());
    if (auto ok = input_.queue(buffer, {.used = input_.memory(buffer).size()}); !ok)
        return tl::make_unexpected(ok.error());
    const auto done = output_.dequeue();
    if (!done) return tl::make_unexpected(done.error());
    if (auto ok = input_.dequeue(); !ok) return tl::make_unexpected(ok.error());
    if (done->error) return fail("could not convert a frame", "rockchip-rga");
    return std::span<const std::uint8_t>{output_.memory(0)};
}

}  // namespace relfence::players
