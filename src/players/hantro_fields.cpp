// SPDX-License-Identifier: MIT
#include "players/hantro_fields.hpp"

#include <algorithm>
#include <fcntl.h>
#include <linux/videodev2.h>

#include <relfence/v4l2/device.hpp>

#include "players/field_clip.hpp"
#include "players/memory.hpp"

namespace relfence::players {
namespace {

constexpr unsigned width = 176;
constexpr unsigned height = 160;
constexpr unsigned frame_count = 2;
/// OUTPUT buffers: those of both fields of a frame are there at once.
constexpr unsigned coded_count = 2;
constexpr unsigned nanoseconds_of_a_tick = 1000;  // v4l2::Stream takes microseconds

/// @return the bytes of a CAPTURE buffer, in which the driver keeps motion vectors too
Result<std::size_t> set_formats(int video) {
    const auto coded = v4l2::set_format(video, V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE,
                                        {V4L2_PIX_FMT_H264_SLICE, width, height});
    if (!coded) return tl::make_unexpected(coded.error());
    const auto frame = v4l2::set_format(video, V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE,
                                        {V4L2_PIX_FMT_NV12, width, height});
    if (!frame) return tl::make_unexpected(frame.error());
    return frame->size;
}

}  // namespace

Result<HantroFields> HantroFields::open() {
    HantroFields player;
    for (HantroDevice* const device : {&player.lender_, &player.device_}) {
        auto opened = open_hantro_decoder(V4L2_PIX_FMT_H264_SLICE);
        if (!opened) return tl::make_unexpected(opened.error());
        *device = std::move(*opened);
    }
    const auto lent_size = set_formats(player.lender_.video.get());
    if (!lent_size) return tl::make_unexpected(lent_size.error());
    auto lent = v4l2::Stream::create(player.lender_.video.get(), V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE,
                                     frame_count);
    if (!lent) return tl::make_unexpected(lent.error());
    player.lent_ = std::move(*lent);
    std::vector<UniqueFd> buffers;
    for (unsigned i = 0; i < frame_count; ++i) {
        buffers.emplace_back(::fcntl(player.lent_.dma_buf(i), F_DUPFD_CLOEXEC, 0));
        if (!buffers.back().valid()) return fail_errno("duplicate", "dma-buf");
        if (auto ok = leave_fence(buffers.back().get()); !ok)
            return tl::make_unexpected(ok.error());
    }

    const int video = player.device_.video.get();
    const auto size = set_formats(video);
    if (!size) return tl::make_unexpected(size.error());
    auto coded = v4l2::Stream::create(video, V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE, coded_count);
    if (!coded) return tl::make_unexpected(coded.error());
    player.coded_ = std::move(*coded);
    auto frames =
        v4l2::Stream::import(video, V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE, std::move(buffers), *size);
    if (!frames) return tl::make_unexpected(frames.error());
    player.frames_ = std::move(*frames);
    player.pictures_ = field_pictures();
    if (auto ok = player.rewind(); !ok) return tl::make_unexpected(ok.error());
    return player;
}

Result<void> HantroFields::rewind() {
    for (const v4l2::Stream* stream : {&coded_, &frames_})
        if (auto ok = stream->off(); !ok) return ok;
    requests_.clear();
    next_ = 0;
    for (const v4l2::Stream* stream : {&coded_, &frames_})
        if (auto ok = stream->on(); !ok) return ok;
    return {};
}

Result<void> HantroFields::submit_field() {
    if (next_ == pictures_.size()) return fail("has no more pictures", "clip of fields");
    auto& picture = pictures_[next_];
    const unsigned slot = next_++ % coded_count;
    auto request = v4l2::Request::allocate(device_.media.get());
    if (!request) return tl::make_unexpected(request.error());
    const auto set = [&](std::uint32_t id, auto& value) {
        return request->set_control(device_.video.get(), id, &value, sizeof value);
    };
    if (auto ok = set(V4L2_CID_STATELESS_H264_SPS, picture.sps); !ok) return ok;
    if (auto ok = set(V4L2_CID_STATELESS_H264_PPS, picture.pps); !ok) return ok;
    if (auto ok = set(V4L2_CID_STATELESS_H264_SCALING_MATRIX, picture.scaling); !ok) return ok;
    if (auto ok = set(V4L2_CID_STATELESS_H264_DECODE_PARAMS, picture.decode); !ok) return ok;
    std::ranges::copy(picture.slices, coded_.memory(slot).begin());
    const auto timestamp =
        static_cast<unsigned>(stateless::h264_timestamp(picture.frame) / nanoseconds_of_a_tick);
    if (auto ok = coded_.queue(slot, {.used = picture.slices.size(),
                                      .request = request->fd(),
                                      .timestamp = timestamp,
                                      .hold_capture = picture.first_field});
        !ok)
        return ok;
    if (auto ok = request->queue(); !ok) return ok;
    requests_.push_back(std::move(*request));
    return {};
}

}  // namespace relfence::players
