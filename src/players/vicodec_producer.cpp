// SPDX-License-Identifier: MIT
#include "players/vicodec_producer.hpp"

#include <algorithm>

#include <relfence/v4l2/device.hpp>
#include <relfence/v4l2/stream.hpp>

namespace relfence::players {
namespace {

class Vicodec final : public viewing::Producer {
  public:
    Vicodec(const Clip& clip, const Memory& memory) : clip_{clip}, memory_{memory} {}

    Result<void> start(unsigned depth) {
        frames_ = {};
        coded_ = {};
        queued_ = 0;
        auto fd = v4l2::open_video("stateful-decoder");
        if (!fd) return tl::make_unexpected(fd.error());
        fd_ = std::move(*fd);
        v4l2_event_subscription changes{};
        changes.type = V4L2_EVENT_SOURCE_CHANGE;
        if (auto ok =
                v4l2::call(fd_.get(), VIDIOC_SUBSCRIBE_EVENT, &changes, "VIDIOC_SUBSCRIBE_EVENT");
            !ok)
            return ok;
        v4l2_format format{};
        format.type = V4L2_BUF_TYPE_VIDEO_OUTPUT;
        format.fmt.pix.width = clip_.width;
        format.fmt.pix.height = clip_.height;
        format.fmt.pix.pixelformat = V4L2_PIX_FMT_FWHT;
        if (auto ok = v4l2::call(fd_.get(), VIDIOC_S_FMT, &format, "VIDIOC_S_FMT"); !ok) return ok;
        auto coded = v4l2::Stream::create(fd_.get(), V4L2_BUF_TYPE_VIDEO_OUTPUT, depth);
        if (!coded) return tl::make_unexpected(coded.error());
        coded_ = std::move(*coded);
        if (auto ok = read_head(); !ok) return ok;

        format = {};
        format.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
        if (auto ok = v4l2::call(fd_.get(), VIDIOC_G_FMT, &format, "VIDIOC_G_FMT"); !ok) return ok;
        format.fmt.pix.pixelformat = fourcc_of(clip_.layout);
        if (auto ok = v4l2::call(fd_.get(), VIDIOC_S_FMT, &format, "VIDIOC_S_FMT"); !ok) return ok;
        if (format.fmt.pix.width != clip_.width || format.fmt.pix.height != clip_.height ||
            format.fmt.pix.pixelformat != fourcc_of(clip_.layout))
            return fail("does not take the clip's format", "vicodec");
        auto frames = make_frames(depth);
        if (!frames) return tl::make_unexpected(frames.error());
        frames_ = std::move(*frames);
        return decode_head();
    }

    [[nodiscard]] unsigned depth() const override {
        return std::min(coded_.size(), frames_.size());
    }
    [[nodiscard]] image::FrameView format() const override {
        return {clip_.layout, clip_.width, clip_.height, {}};
    }

    /// With nothing queued there is nothing to do: frame 0 is an I frame, which needs no other.
    /// Else the device is closed in mid-job and opened again, since after STREAMOFF the decoder
    /// falls back to the stream's first format, which cannot be changed while buffers exist.
    Result<void> rewind() override { return queued_ == 0 ? Result<void>{} : start(depth()); }

    Result<viewing::Handover> submit(unsigned index, viewing::Before before) override {
        const unsigned slot = index % depth();
        if (before == viewing::Before::zeros)
            std::ranges::fill(frames_.memory(slot), std::uint8_t{0});
        if (auto ok = frames_.queue(slot, {}); !ok) return tl::make_unexpected(ok.error());
        if (auto ok = queue_coded(index); !ok) return tl::make_unexpected(ok.error());
        ++queued_;
        return viewing::Handover{slot, frames_.dma_buf(slot), frames_.memory(slot)};
    }

    Result<void> finish() override {
        if (auto ok = take_back(); !ok) return ok;
        --queued_;
        return {};
    }
    Result<bool> finished() override { return frames_.ready(std::chrono::milliseconds{0}); }

    Result<UniqueFd> export_again(unsigned buffer) override { return frames_.export_again(buffer); }

    Result<double> judge(unsigned index, const image::FrameView& frame) override {
        return judge_by_scene(clip_, index, frame);
    }

  private:
    Result<v4l2::Stream> make_frames(unsigned count) const {
        return make_capture(fd_.get(), V4L2_BUF_TYPE_VIDEO_CAPTURE, count, memory_,
                            image::frame_size(clip_.layout, clip_.width, clip_.height));
    }
    /// The decoder tells the size of the frames only when it has seen the head of the stream.
    Result<void> read_head() {
        if (auto ok = coded_.on(); !ok) return ok;
        if (auto ok = queue_coded(0); !ok) return ok;
        v4l2_event event{};
        return v4l2::call(fd_.get(), VIDIOC_DQEVENT, &event, "VIDIOC_DQEVENT");
    }
    /// Decodes the frame that read_head() left queued, so that submit() starts from nothing.
    Result<void> decode_head() {
        if (auto ok = frames_.on(); !ok) return ok;
        if (auto ok = frames_.queue(0, {}); !ok) return ok;
        return take_back();
    }
    Result<void> take_back() {
        const auto frame = frames_.dequeue();
        if (!frame) return tl::make_unexpected(frame.error());
        const auto coded = coded_.dequeue();
        if (!coded) return tl::make_unexpected(coded.error());
        if (frame->error) return fail("could not decode a frame", "vicodec");
        return {};
    }
    Result<void> queue_coded(unsigned index) {
        const auto& data = clip_.coded[index];
        const unsigned slot = index % coded_.size();
        if (data.size() > coded_.memory(slot).size()) return fail("is too small", "coded buffer");
        std::ranges::copy(data, coded_.memory(slot).begin());
        return coded_.queue(slot, {.used = data.size()});
    }

    const Clip& clip_;
    Memory memory_;
    UniqueFd fd_;
    v4l2::Stream coded_;
    v4l2::Stream frames_;
    unsigned queued_ = 0;  // jobs between submit and finish
};

}  // namespace

Result<std::unique_ptr<viewing::Producer>> open_vicodec(const Clip& clip, unsigned depth,
                                                        const Memory& memory) {
    auto decoder = std::make_unique<Vicodec>(clip, memory);
    if (auto ok = decoder->start(depth); !ok) return tl::make_unexpected(ok.error());
    return std::unique_ptr<viewing::Producer>{std::move(decoder)};
}

}  // namespace relfence::players
