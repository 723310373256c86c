// SPDX-License-Identifier: MIT
#include "jobs/stateless_decoder.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <linux/videodev2.h>

#include <relfence/v4l2/device.hpp>
#include <relfence/v4l2/request.hpp>

namespace relfence::jobs {
namespace {

/// From the end of a job to that of its request.
constexpr std::chrono::seconds longest_completion{1};
constexpr unsigned nanoseconds_of_a_tick = 1000;  // v4l2::Stream takes microseconds

class StatelessDecoder final : public QueuePair {
  public:
    StatelessDecoder(StatelessDevice device, std::unique_ptr<FrameSource> stream)
        : QueuePair{std::move(device.video), std::move(device.name)},
          output_type_{device.multiplanar ? V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE
                                          : V4L2_BUF_TYPE_VIDEO_OUTPUT},
          capture_type_{device.multiplanar ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE
                                           : V4L2_BUF_TYPE_VIDEO_CAPTURE},
          media_{std::move(device.media)},
          stream_{std::move(stream)} {}

    Result<void> start(unsigned depth, const Memory& memory) {
        const auto size = set_formats();
        if (!size) return tl::make_unexpected(size.error());
        auto coded = v4l2::Stream::create(video_.get(), output_type_, depth);
        if (!coded) return tl::make_unexpected(coded.error());
        output_ = std::move(*coded);
        auto frames = make_capture(video_.get(), capture_type_, depth, memory, *size);
        if (!frames) return tl::make_unexpected(frames.error());
        capture_ = std::move(*frames);
        for (unsigned i = 0; i < output_.size(); ++i) {
            auto request = v4l2::Request::allocate(media_.get());
            if (!request) return tl::make_unexpected(request.error());
            requests_.push_back(std::move(*request));
        }
        return rewind();
    }

    Result<void> feed(unsigned index, bool hold_capture) override {
        const unsigned slot = next_++ % output_.size();
        const v4l2::Request& request = requests_[slot];
        const unsigned timestamp = index + 1;
        const auto frame = stream_->frame(index, std::uint64_t{timestamp} * nanoseconds_of_a_tick);
        if (!frame) return tl::make_unexpected(frame.error());
        if (frame->data.size() > output_.memory(slot).size())
            return fail("is too small", "coded buffer");
        std::ranges::copy(frame->data, output_.memory(slot).begin());
        for (const ControlValue& control : frame->controls)
            if (auto ok =
                    request.set_control(video_.get(), control.id, control.value, control.size);
                !ok)
                return ok;
        if (auto ok = output_.queue(slot, {.used = frame->data.size(),
                                           .request = request.fd(),
                                           .timestamp = timestamp,
                                           .hold_capture = hold_capture});
            !ok)
            return ok;
        queued_.push_back(slot);
        return request.queue();
    }

    bool spoil() override { return stream_->spoil(); }

  private:
    Result<std::size_t> set_formats() {
        const auto coded = v4l2::set_format(
            video_.get(), output_type_,
            {stream_->coded_format(), stream_->width(), stream_->height(), stream_->largest()});
        if (!coded) return tl::make_unexpected(coded.error());
        for (const ControlValue& control : stream_->stream_controls())
            if (auto ok = set_control(control); !ok) return tl::make_unexpected(ok.error());
        const auto usual = v4l2::get_format(video_.get(), capture_type_);
        if (!usual) return tl::make_unexpected(usual.error());
        const auto frame = v4l2::set_format(
            video_.get(), capture_type_,
            {takes_nv12() ? V4L2_PIX_FMT_NV12 : usual->pixel_format, usual->width, usual->height});
        if (!frame) return tl::make_unexpected(frame.error());
        return frame->size;
    }
    [[nodiscard]] bool takes_nv12() const {
        v4l2_fmtdesc format{};
        format.type = capture_type_;
        for (; v4l2::call(video_.get(), VIDIOC_ENUM_FMT, &format, "VIDIOC_ENUM_FMT");
             ++format.index)
            if (format.pixelformat == V4L2_PIX_FMT_NV12) return true;
        return false;
    }
    [[nodiscard]] Result<void> set_control(const ControlValue& value) const {
        v4l2_ext_control control{};
        control.id = value.id;
        control.size = value.size;
        control.ptr = value.value;
        v4l2_ext_controls controls{};
        controls.which = V4L2_CTRL_WHICH_CUR_VAL;
        controls.count = 1;
        controls.controls = &control;
        return v4l2::call(video_.get(), VIDIOC_S_EXT_CTRLS, &controls, "VIDIOC_S_EXT_CTRLS");
    }

    Result<void> forget_jobs() override {
        while (!queued_.empty())
            if (auto ok = forget_oldest_job(); !ok) return ok;
        next_ = 0;
        stream_->restart();
        return {};
    }
    /// Makes its request usable again.
    Result<void> forget_oldest_job() override {
        const v4l2::Request& request = requests_[queued_.front()];
        queued_.pop_front();
        // A driver that never completes it makes MEDIA_REQUEST_IOC_REINIT fail.
        if (auto completed = request.wait(longest_completion); !completed)
            return tl::make_unexpected(completed.error());
        return request.reinit();
    }

    v4l2_buf_type output_type_;
    v4l2_buf_type capture_type_;
    UniqueFd media_;
    std::unique_ptr<FrameSource> stream_;
    std::vector<v4l2::Request> requests_;
    std::deque<unsigned> queued_;  // slots between feed and finish, oldest first
    unsigned next_ = 0;            // OUTPUT buffer, in turn
};

}  // namespace

Result<std::unique_ptr<QueuePair>> open_stateless(StatelessDevice device,
                                                  std::unique_ptr<FrameSource> stream,
                                                  unsigned depth, const Memory& memory) {
    auto decoder = std::make_unique<StatelessDecoder>(std::move(device), std::move(stream));
    if (auto ok = decoder->start(depth, memory); !ok) return tl::make_unexpected(ok.error());
    return std::unique_ptr<QueuePair>{std::move(decoder)};
}

}  // namespace relfence::jobs
