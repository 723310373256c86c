// SPDX-License-Identifier: MIT
#include "players/visl_producer.hpp"

#include <algorithm>
#include <deque>
#include <fcntl.h>
#include <linux/media.h>
#include <set>

#include <fmt/format.h>

#include <relfence/image/compare.hpp>

#include "players/clip.hpp"
#include "players/stream.hpp"

namespace relfence::players {
namespace {

constexpr int media_limit = 64;

/// Opens the media device of a driver: requests are allocated there.
Result<UniqueFd> open_media(std::string_view driver) {
    for (int i = 0; i < media_limit; ++i) {
        auto fd = open_fd(fmt::format("/dev/media{}", i), O_RDWR);
        media_device_info info{};
        if (fd && call(fd->get(), MEDIA_IOC_DEVICE_INFO, &info, "MEDIA_IOC_DEVICE_INFO") &&
            driver == info.driver)
            return fd;
    }
    return fail("is the driver of no media device", driver);
}

class Visl final : public viewing::Producer {
  public:
    Visl(UniqueFd video, UniqueFd media) : video_{std::move(video)}, media_{std::move(media)} {}

    Result<void> start(unsigned depth) {
        v4l2_format format{};
        format.type = V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE;
        format.fmt.pix_mp.width = clip_width;
        format.fmt.pix_mp.height = clip_height;
        format.fmt.pix_mp.pixelformat = V4L2_PIX_FMT_FWHT_STATELESS;
        format.fmt.pix_mp.num_planes = 1;
        if (auto ok = call(video_.get(), VIDIOC_S_FMT, &format, "VIDIOC_S_FMT"); !ok) return ok;
        format = {};
        format.type = V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
        if (auto ok = call(video_.get(), VIDIOC_G_FMT, &format, "VIDIOC_G_FMT"); !ok) return ok;
        const v4l2_pix_format_mplane& frame = format.fmt.pix_mp;
        if (frame.width != clip_width || frame.height != clip_height || frame.num_planes != 1 ||
            frame.pixelformat != V4L2_PIX_FMT_NV12)
            return fail("does not take the clip's size as NV12", "visl");
        auto coded = Stream::create(video_.get(), V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE, depth);
        if (!coded) return tl::make_unexpected(coded.error());
        coded_ = std::move(*coded);
        auto frames = Stream::create(video_.get(), V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE, depth);
        if (!frames) return tl::make_unexpected(frames.error());
        frames_ = std::move(*frames);
        for (unsigned i = 0; i < depth; ++i) {
            int fd = -1;
            if (auto ok =
                    call(media_.get(), MEDIA_IOC_REQUEST_ALLOC, &fd, "MEDIA_IOC_REQUEST_ALLOC");
                !ok)
                return ok;
            requests_.emplace_back(fd);
        }
        return rewind();
    }

    [[nodiscard]] unsigned depth() const override {
        return static_cast<unsigned>(requests_.size());
    }
    [[nodiscard]] image::FrameView format() const override {
        return {image::Layout::nv12, clip_width, clip_height, {}};
    }

    /// The picture shows the frame's sequence number, which only STREAMOFF resets.
    Result<void> rewind() override {
        for (const Stream* stream : {&coded_, &frames_})
            if (auto ok = stream->off(); !ok) return ok;
        while (!queued_.empty())
            if (auto ok = recycle_oldest(); !ok) return ok;
        for (const Stream* stream : {&coded_, &frames_})
            if (auto ok = stream->on(); !ok) return ok;
        return {};
    }

    Result<viewing::Handover> submit(unsigned index, viewing::Before before) override {
        const unsigned slot = index % depth();
        const int request = requests_[slot].get();
        if (before == viewing::Before::zeros)
            std::ranges::fill(frames_.memory(slot), std::uint8_t{0});
        v4l2_ctrl_fwht_params params{};
        params.version = V4L2_FWHT_VERSION;
        params.width = clip_width;
        params.height = clip_height;
        params.flags = V4L2_FWHT_FL_I_FRAME | V4L2_FWHT_FL_PIXENC_YUV |
                       (2 << V4L2_FWHT_FL_COMPONENTS_NUM_OFFSET);
        v4l2_ext_control control{};
        control.id = V4L2_CID_STATELESS_FWHT_PARAMS;
        control.size = sizeof params;
        control.ptr = &params;
        v4l2_ext_controls controls{};
        controls.which = V4L2_CTRL_WHICH_REQUEST_VAL;
        controls.count = 1;
        controls.request_fd = request;
        controls.controls = &control;
        if (auto ok = call(video_.get(), VIDIOC_S_EXT_CTRLS, &controls, "VIDIOC_S_EXT_CTRLS"); !ok)
            return tl::make_unexpected(ok.error());
        if (auto ok = frames_.queue(slot, {}); !ok) return tl::make_unexpected(ok.error());
        if (auto ok = coded_.queue(slot, {.used = 1, .request = request, .timestamp = index}); !ok)
            return tl::make_unexpected(ok.error());
        if (auto ok = call(request, MEDIA_REQUEST_IOC_QUEUE, nullptr, "MEDIA_REQUEST_IOC_QUEUE");
            !ok)
            return tl::make_unexpected(ok.error());
        queued_.push_back(slot);
        return viewing::Handover{slot, frames_.dma_buf(slot), frames_.memory(slot)};
    }

    Result<void> finish() override {
        const auto frame = frames_.dequeue();
        if (!frame) return tl::make_unexpected(frame.error());
        if (frame->error) return fail("could not make a frame", "visl");
        const auto coded = coded_.dequeue();
        if (!coded) return tl::make_unexpected(coded.error());
        return recycle_oldest();
    }

    Result<bool> finished() override { return frames_.ready(std::chrono::milliseconds{0}); }

    /// Knows the picture only from outside: eight bars below the text, no row of it unwritten.
    /// @return how many grey levels there are in the last row
    Result<double> judge(unsigned index, const image::FrameView& frame) override {
        const auto last =
            frame.bytes.subspan(std::size_t{clip_width} * (clip_height - 1), clip_width);
        const std::set<std::uint8_t> levels(last.begin(), last.end());
        if (levels.size() < 8)
            return fail(fmt::format("has {} bars", levels.size()),
                        fmt::format("reference frame {}", index));
        return static_cast<double>(levels.size());
    }

  private:
    /// Makes the request of the oldest job usable again.
    Result<void> recycle_oldest() {
        const int request = requests_[queued_.front()].get();
        queued_.pop_front();
        return call(request, MEDIA_REQUEST_IOC_REINIT, nullptr, "MEDIA_REQUEST_IOC_REINIT");
    }

    UniqueFd video_;
    UniqueFd media_;
    Stream coded_;
    Stream frames_;
    std::vector<UniqueFd> requests_;
    std::deque<unsigned> queued_;  // slots between submit and finish, oldest first
};

}  // namespace

Result<std::unique_ptr<viewing::Producer>> open_visl(unsigned depth) {
    auto video = open_video("visl");
    if (!video) return tl::make_unexpected(video.error());
    auto media = open_media("visl");
    if (!media) return tl::make_unexpected(media.error());
    auto decoder = std::make_unique<Visl>(std::move(*video), std::move(*media));
    if (auto ok = decoder->start(depth); !ok) return tl::make_unexpected(ok.error());
    return std::unique_ptr<viewing::Producer>{std::move(decoder)};
}

}  // namespace relfence::players
