// SPDX-License-Identifier: MIT
#include "vp8_client.hpp"

#include <algorithm>
#include <linux/videodev2.h>

#include <relfence/v4l2/device.hpp>

namespace relfence::bench {
namespace {

constexpr unsigned nanoseconds_of_a_tick = 1000;  // v4l2::Stream takes microseconds

}  // namespace

Result<std::unique_ptr<Vp8Client>> Vp8Client::open(unsigned width, unsigned height,
                                                   std::size_t largest, unsigned ahead) {
    std::unique_ptr<Vp8Client> client{new Vp8Client};
    auto video = v4l2::open_video("rockchip,rk3399-vpu-dec");
    if (!video) return tl::make_unexpected(video.error());
    client->video_ = std::move(*video);
    auto media = v4l2::open_media("hantro-vpu");
    if (!media) return tl::make_unexpected(media.error());
    client->media_ = std::move(*media);
    if (auto ok = client->set_formats(width, height, largest); !ok)
        return tl::make_unexpected(ok.error());
    auto coded =
        v4l2::Stream::create(client->video_.get(), V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE, ahead);
    if (!coded) return tl::make_unexpected(coded.error());
    client->coded_ = std::move(*coded);
    // Three references, one for each job, and those that a queued job still needs.
    auto frames = v4l2::Stream::create(client->video_.get(), V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE,
                                       3 + 2 * ahead);
    if (!frames) return tl::make_unexpected(frames.error());
    client->frames_ = std::move(*frames);
    client->timestamps_.resize(client->frames_.size());
    for (unsigned i = 0; i < ahead; ++i) {
        auto request = v4l2::Request::allocate(client->media_.get());
        if (!request) return tl::make_unexpected(request.error());
        client->requests_.push_back(std::move(*request));
    }
    for (const v4l2::Stream* stream : {&client->coded_, &client->frames_})
        if (auto ok = stream->on(); !ok) return tl::make_unexpected(ok.error());
    return client;
}

Result<void> Vp8Client::set_formats(unsigned width, unsigned height, std::size_t largest) {
    v4l2_format format{};
    format.type = V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE;
    format.fmt.pix_mp.width = width;
    format.fmt.pix_mp.height = height;
    format.fmt.pix_mp.pixelformat = V4L2_PIX_FMT_VP8_FRAME;
    format.fmt.pix_mp.num_planes = 1;
    format.fmt.pix_mp.plane_fmt[0].sizeimage = static_cast<std::uint32_t>(largest);
    if (auto ok = v4l2::call(video_.get(), VIDIOC_S_FMT, &format, "VIDIOC_S_FMT"); !ok) return ok;
    format = {};
    format.type = V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
    if (auto ok = v4l2::call(video_.get(), VIDIOC_G_FMT, &format, "VIDIOC_G_FMT"); !ok) return ok;
    const v4l2_pix_format_mplane& frame = format.fmt.pix_mp;
    if (frame.pixelformat != V4L2_PIX_FMT_NV12 || frame.num_planes != 1 || frame.width < width ||
        frame.height < height)
        return fail("does not give NV12 of the clip's size", "hantro-vpu");
    stride_ = frame.plane_fmt[0].bytesperline;
    lines_ = frame.height;
    return {};
}

bool Vp8Client::is_free(unsigned buffer) const {
    const std::uint64_t timestamp = timestamps_[buffer];
    if (timestamp == 0) return true;
    if (references_.holds(timestamp)) return false;
    return std::ranges::none_of(jobs_, [&](const Job& job) {
        return job.buffer == buffer || std::ranges::find(job.needs, timestamp) != job.needs.end();
    });
}

unsigned Vp8Client::free_buffer() const {
    unsigned buffer = 0;
    while (buffer < frames_.size() && !is_free(buffer)) ++buffer;
    return buffer;
}

bool Vp8Client::can_submit() const {
    return jobs_.size() < requests_.size() && free_buffer() < frames_.size();
}

Result<void> Vp8Client::submit(std::span<const std::uint8_t> frame) {
    const unsigned buffer = free_buffer();
    const unsigned slot = next_ % static_cast<unsigned>(requests_.size());
    const v4l2::Request& request = requests_[slot];
    if (frame.size() > coded_.memory(slot).size()) return fail("is too small", "coded buffer");
    auto picture = parser_.parse(frame);
    if (!picture) return tl::make_unexpected(picture.error());
    references_.tell(picture->control);
    const v4l2_ctrl_vp8_frame& control = picture->control;
    Job job{slot,
            buffer,
            picture->shown(),
            {control.last_frame_ts, control.golden_frame_ts, control.alt_frame_ts}};
    const unsigned timestamp = ++next_;
    references_.update(*picture, std::uint64_t{timestamp} * nanoseconds_of_a_tick);
    timestamps_[buffer] = std::uint64_t{timestamp} * nanoseconds_of_a_tick;

    std::ranges::copy(frame, coded_.memory(slot).begin());
    if (auto ok = request.set_control(video_.get(), V4L2_CID_STATELESS_VP8_FRAME, &picture->control,
                                      sizeof picture->control);
        !ok)
        return ok;
    if (auto ok = frames_.queue(buffer, {}); !ok) return ok;
    if (auto ok = coded_.queue(
            slot, {.used = frame.size(), .request = request.fd(), .timestamp = timestamp});
        !ok)
        return ok;
    if (auto ok = request.queue(); !ok) return ok;
    jobs_.push_back(std::move(job));
    return {};
}

Result<Vp8Client::Picture> Vp8Client::finish() {
    const auto frame = frames_.dequeue();
    if (!frame) return tl::make_unexpected(frame.error());
    const auto coded = coded_.dequeue();
    if (!coded) return tl::make_unexpected(coded.error());
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    if (frame->index != job.buffer) return fail("gave back another buffer", "hantro-vpu");
    if (auto ok = requests_[job.slot].reinit(); !ok) return tl::make_unexpected(ok.error());
    return Picture{frames_.memory(job.buffer), job.shown, frame->error};
}

}  // namespace relfence::bench
