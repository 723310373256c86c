// SPDX-License-Identifier: MIT
#include "players/vim2m_jobs.hpp"

#include <algorithm>
#include <linux/videodev2.h>

#include <relfence/v4l2/device.hpp>
#include <relfence/v4l2/stream.hpp>

namespace relfence::players {
namespace {

/// Small: the pixels do not matter here.
constexpr unsigned width = 64;
constexpr unsigned height = 64;

class Vim2m final : public viewing::JobSource {
  public:
    explicit Vim2m(UniqueFd fd) : fd_{std::move(fd)} {}

    Result<void> start(unsigned depth, const Memory& memory, std::chrono::milliseconds job_time) {
        std::size_t size = 0;
        for (const auto type : {V4L2_BUF_TYPE_VIDEO_OUTPUT, V4L2_BUF_TYPE_VIDEO_CAPTURE}) {
            v4l2_format format{};
            format.type = type;
            format.fmt.pix.width = width;
            format.fmt.pix.height = height;
            format.fmt.pix.pixelformat = V4L2_PIX_FMT_RGB565X;
            if (auto ok = v4l2::call(fd_.get(), VIDIOC_S_FMT, &format, "VIDIOC_S_FMT"); !ok)
                return ok;
            size = format.fmt.pix.sizeimage;
        }
        if (auto ok = v4l2::set_control(fd_.get(), "Transaction Time (msec)",
                                        std::max(job_time.count(), std::int64_t{1}));
            !ok)
            return ok;
        auto input = v4l2::Stream::create(fd_.get(), V4L2_BUF_TYPE_VIDEO_OUTPUT, depth);
        if (!input) return tl::make_unexpected(input.error());
        input_ = std::move(*input);
        auto frames = make_capture(fd_.get(), V4L2_BUF_TYPE_VIDEO_CAPTURE, depth, memory, size);
        if (!frames) return tl::make_unexpected(frames.error());
        frames_ = std::move(*frames);
        return rewind();
    }

    [[nodiscard]] unsigned depth() const override {
        return std::min(input_.size(), frames_.size());
    }
    Result<void> rewind() override {
        for (const auto* stream : {&input_, &frames_})
            if (auto ok = stream->off(); !ok) return ok;
        for (const auto* stream : {&input_, &frames_})
            if (auto ok = stream->on(); !ok) return ok;
        return {};
    }
    Result<viewing::Handover> submit(unsigned index, viewing::Before) override {
        const unsigned slot = index % depth();
        if (auto ok = frames_.queue(slot, {}); !ok) return tl::make_unexpected(ok.error());
        if (auto ok = input_.queue(slot, {.used = input_.memory(slot).size()}); !ok)
            return tl::make_unexpected(ok.error());
        return viewing::Handover{slot, frames_.dma_buf(slot), frames_.memory(slot)};
    }
    Result<void> finish() override {
        const auto frame = frames_.dequeue();
        if (!frame) return tl::make_unexpected(frame.error());
        const auto input = input_.dequeue();
        if (!input) return tl::make_unexpected(input.error());
        if (frame->error) return fail("could not do a job", "vim2m");
        return {};
    }
    Result<bool> finished() override { return frames_.ready(std::chrono::milliseconds{0}); }
    Result<UniqueFd> export_again(unsigned buffer) override { return frames_.export_again(buffer); }

  private:
    UniqueFd fd_;
    v4l2::Stream input_;
    v4l2::Stream frames_;
};

}  // namespace

Result<std::unique_ptr<viewing::JobSource>> open_vim2m(unsigned depth, const Memory& memory,
                                                       std::chrono::milliseconds job_time) {
    auto fd = v4l2::open_video("vim2m");
    if (!fd) return tl::make_unexpected(fd.error());
    auto jobs = std::make_unique<Vim2m>(std::move(*fd));
    if (auto ok = jobs->start(depth, memory, job_time); !ok) return tl::make_unexpected(ok.error());
    return std::unique_ptr<viewing::JobSource>{std::move(jobs)};
}

}  // namespace relfence::players
