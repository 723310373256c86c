// SPDX-License-Identifier: MIT
#include "players/hantro_vp8_producer.hpp"

#include <algorithm>
#include <deque>
#include <linux/videodev2.h>
#include <string_view>

#include <fmt/format.h>

#include <relfence/image/compare.hpp>
#include <relfence/image/scene.hpp>
#include <relfence/v4l2/device.hpp>
#include <relfence/v4l2/request.hpp>
#include <relfence/v4l2/stream.hpp>

#include "players/hantro_device.hpp"
#include "stateless/vp8_parser.hpp"
#include "stateless/vp8_references.hpp"

namespace relfence::players {
namespace {

constexpr std::string_view driver = "hantro-vpu";
constexpr unsigned nanoseconds_of_a_tick = 1000;  // v4l2::Stream takes microseconds

class HantroVp8 final : public viewing::Producer {
  public:
    HantroVp8(HantroDevice device, const Clip& clip)
        : video_{std::move(device.video)}, media_{std::move(device.media)}, clip_{clip} {}

    Result<void> start(unsigned depth, const Memory& memory) {
        const auto size = set_formats();
        if (!size) return tl::make_unexpected(size.error());
        auto coded = v4l2::Stream::create(video_.get(), V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE, depth);
        if (!coded) return tl::make_unexpected(coded.error());
        coded_ = std::move(*coded);
        auto frames =
            make_capture(video_.get(), V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE, depth, memory, *size);
        if (!frames) return tl::make_unexpected(frames.error());
        frames_ = std::move(*frames);
        for (unsigned i = 0; i < depth; ++i) {
            auto request = v4l2::Request::allocate(media_.get());
            if (!request) return tl::make_unexpected(request.error());
            requests_.push_back(std::move(*request));
        }
        return rewind();
    }

    [[nodiscard]] unsigned depth() const override {
        return static_cast<unsigned>(requests_.size());
    }
    [[nodiscard]] image::FrameView format() const override {
        return {clip_.layout, clip_.width, clip_.height, {}};
    }

    Result<void> rewind() override {
        for (const v4l2::Stream* stream : {&coded_, &frames_})
            if (auto ok = stream->off(); !ok) return ok;
        while (!queued_.empty())
            if (auto ok = recycle_oldest(); !ok) return ok;
        parser_ = {};
        references_ = {};
        for (const v4l2::Stream* stream : {&coded_, &frames_})
            if (auto ok = stream->on(); !ok) return ok;
        return {};
    }

    Result<viewing::Handover> submit(unsigned index, viewing::Before before) override {
        const unsigned slot = index % depth();
        const v4l2::Request& request = requests_[slot];
        const auto& data = clip_.coded[index];
        if (data.size() > coded_.memory(slot).size()) return fail("is too small", "coded buffer");
        auto picture = parser_.parse(data);
        if (!picture) return tl::make_unexpected(picture.error());
        references_.tell(picture->control);
        const unsigned timestamp = index + 1;
        references_.update(*picture, std::uint64_t{timestamp} * nanoseconds_of_a_tick);

        std::ranges::copy(data, coded_.memory(slot).begin());
        if (before == viewing::Before::zeros)
            std::ranges::fill(frames_.memory(slot), std::uint8_t{0});
        if (auto ok = request.set_control(video_.get(), V4L2_CID_STATELESS_VP8_FRAME,
                                          &picture->control, sizeof picture->control);
            !ok)
            return tl::make_unexpected(ok.error());
        if (auto ok = frames_.queue(slot, {}); !ok) return tl::make_unexpected(ok.error());
        if (auto ok = coded_.queue(
                slot, {.used = data.size(), .request = request.fd(), .timestamp = timestamp});
            !ok)
            return tl::make_unexpected(ok.error());
        if (auto ok = request.queue(); !ok) return tl::make_unexpected(ok.error());
        queued_.push_back(slot);
        return viewing::Handover{slot, frames_.dma_buf(slot), frames_.memory(slot)};
    }

    Result<void> finish() override {
        const auto frame = frames_.dequeue();
        if (!frame) return tl::make_unexpected(frame.error());
        const auto coded = coded_.dequeue();
        if (!coded) return tl::make_unexpected(coded.error());
        if (auto ok = recycle_oldest(); !ok) return ok;
        if (frame->error) return fail("could not decode a frame", driver);
        return {};
    }

    Result<bool> finished() override { return frames_.ready(std::chrono::milliseconds{0}); }

    Result<UniqueFd> export_again(unsigned buffer) override { return frames_.export_again(buffer); }

    Result<double> judge(unsigned index, const image::FrameView& frame) override {
        const auto scene = image::convert(
            image::draw_scene(clip_.width, clip_.height, clip_.first + index).view(), clip_.layout);
        if (!scene) return tl::make_unexpected(scene.error());
        const auto ratio = image::psnr(frame, scene->view());
        if (ratio && *ratio < psnr_bound)
            return fail(
                fmt::format("is {:.1f} dB from the scene, less than {}", *ratio, psnr_bound),
                fmt::format("reference frame {}", index));
        return ratio;
    }

  private:
    /// @return the bytes of a CAPTURE buffer
    Result<std::size_t> set_formats() {
        std::size_t largest = 0;
        for (const auto& frame : clip_.coded) largest = std::max(largest, frame.size());
        v4l2_format format{};
        format.type = V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE;
        format.fmt.pix_mp.width = clip_.width;
        format.fmt.pix_mp.height = clip_.height;
        format.fmt.pix_mp.pixelformat = V4L2_PIX_FMT_VP8_FRAME;
        format.fmt.pix_mp.num_planes = 1;
        format.fmt.pix_mp.plane_fmt[0].sizeimage = static_cast<std::uint32_t>(largest);
        if (auto ok = v4l2::call(video_.get(), VIDIOC_S_FMT, &format, "VIDIOC_S_FMT"); !ok)
            return tl::make_unexpected(ok.error());
        format = {};
        format.type = V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
        format.fmt.pix_mp.width = clip_.width;
        format.fmt.pix_mp.height = clip_.height;
        format.fmt.pix_mp.pixelformat = V4L2_PIX_FMT_NV12;
        format.fmt.pix_mp.num_planes = 1;
        if (auto ok = v4l2::call(video_.get(), VIDIOC_S_FMT, &format, "VIDIOC_S_FMT"); !ok)
            return tl::make_unexpected(ok.error());
        const v4l2_pix_format_mplane& frame = format.fmt.pix_mp;
        if (frame.width != clip_.width || frame.height != clip_.height || frame.num_planes != 1 ||
            frame.pixelformat != V4L2_PIX_FMT_NV12)
            return fail("does not take the clip's size as NV12", driver);
        return frame.plane_fmt[0].sizeimage;
    }
    /// Makes the request of the oldest job usable again.
    Result<void> recycle_oldest() {
        const v4l2::Request& request = requests_[queued_.front()];
        queued_.pop_front();
        return request.reinit();
    }

    UniqueFd video_;
    UniqueFd media_;
    const Clip& clip_;
    v4l2::Stream coded_;
    v4l2::Stream frames_;
    std::vector<v4l2::Request> requests_;
    std::deque<unsigned> queued_;  // slots between submit and finish, oldest first
    stateless::Vp8Parser parser_;
    stateless::Vp8References references_;
};

}  // namespace

Result<std::unique_ptr<viewing::Producer>> open_hantro_vp8(const Clip& clip, unsigned depth,
                                                           const Memory& memory) {
    auto device = open_hantro_decoder(V4L2_PIX_FMT_VP8_FRAME);
    if (!device) return tl::make_unexpected(device.error());
    auto decoder = std::make_unique<HantroVp8>(std::move(*device), clip);
    if (auto ok = decoder->start(depth, memory); !ok) return tl::make_unexpected(ok.error());
    return std::unique_ptr<viewing::Producer>{std::move(decoder)};
}

}  // namespace relfence::players
