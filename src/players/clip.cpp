// SPDX-License-Identifier: MIT
#include "players/clip.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include <relfence/image/compare.hpp>
#include <relfence/image/scene.hpp>
#include <relfence/v4l2/device.hpp>
#include <relfence/v4l2/stream.hpp>

namespace relfence::players {

std::uint32_t fourcc_of(image::Layout layout) {
    return layout == image::Layout::nv12 ? V4L2_PIX_FMT_NV12 : V4L2_PIX_FMT_XBGR32;
}

Result<double> judge_by_scene(const Clip& clip, unsigned index, const image::FrameView& frame) {
    const auto scene = image::convert(
        image::draw_scene(clip.width, clip.height, clip.first + index).view(), clip.layout);
    if (!scene) return tl::make_unexpected(scene.error());
    const auto ratio = image::psnr(frame, scene->view());
    if (ratio && *ratio < psnr_bound)
        return fail(fmt::format("is {:.1f} dB from the scene, less than {}", *ratio, psnr_bound),
                    fmt::format("reference frame {}", index));
    return ratio;
}

namespace {

/// Encodes a clip anew.
Result<Clip> encode_clip(image::Layout layout, unsigned frames) {
    Clip clip{layout, clip_width, clip_height};
    auto fd = v4l2::open_video("stateful-encoder");
    if (!fd) return tl::make_unexpected(fd.error());
    v4l2_format format{};
    format.type = V4L2_BUF_TYPE_VIDEO_OUTPUT;
    format.fmt.pix.width = clip.width;
    format.fmt.pix.height = clip.height;
    format.fmt.pix.pixelformat = fourcc_of(layout);
    if (auto ok = v4l2::call(fd->get(), VIDIOC_S_FMT, &format, "VIDIOC_S_FMT"); !ok)
        return tl::make_unexpected(ok.error());
    auto raw = v4l2::Stream::create(fd->get(), V4L2_BUF_TYPE_VIDEO_OUTPUT, 1);
    if (!raw) return tl::make_unexpected(raw.error());
    auto coded = v4l2::Stream::create(fd->get(), V4L2_BUF_TYPE_VIDEO_CAPTURE, 1);
    if (!coded) return tl::make_unexpected(coded.error());
    if (auto ok = raw->on(); !ok) return tl::make_unexpected(ok.error());
    if (auto ok = coded->on(); !ok) return tl::make_unexpected(ok.error());
    for (unsigned index = 0; index < frames; ++index) {
        const auto picture =
            image::convert(image::draw_scene(clip.width, clip.height, index).view(), layout);
        if (!picture) return tl::make_unexpected(picture.error());
        std::ranges::copy(picture->bytes, raw->memory(0).begin());
        if (auto ok = coded->queue(0, {}); !ok) return tl::make_unexpected(ok.error());
        if (auto ok = raw->queue(0, {.used = picture->bytes.size()}); !ok)
            return tl::make_unexpected(ok.error());
        const auto done = coded->dequeue();
        if (!done) return tl::make_unexpected(done.error());
        if (auto ok = raw->dequeue(); !ok) return tl::make_unexpected(ok.error());
        const auto used = coded->memory(0).first(done->used);
        clip.coded.emplace_back(used.begin(), used.end());
    }
    return clip;
}

}  // namespace

Result<Clip> make_clip(image::Layout layout, unsigned frames) {
    // A frame depends on those before it alone, so a shorter clip is the start of a longer one.
    // Encoding takes longer than most cases do.
    static std::map<image::Layout, Clip> made;
    if (const auto known = made.find(layout);
        known == made.end() || known->second.coded.size() < frames) {
        auto clip = encode_clip(layout, frames);
        if (!clip) return clip;
        made.insert_or_assign(layout, std::move(*clip));
    }
    Clip clip = made.at(layout);
    clip.coded.resize(frames);
    return clip;
}

}  // namespace relfence::players
