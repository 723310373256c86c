// SPDX-License-Identifier: MIT
#include "players/converter_jobs.hpp"

#include <algorithm>
#include <linux/videodev2.h>

#include <relfence/v4l2/device.hpp>
#include <relfence/v4l2/stream.hpp>

namespace relfence::players {
namespace {

/// Small: how well it is converted does not matter here.
constexpr unsigned usual_width = 64;
constexpr unsigned height = 64;

/// A driver that turns one picture into another.
struct ConverterKind {
    const char* driver;
    std::uint32_t pixel_format;  ///< of both pictures
    v4l2_buf_type output;
    v4l2_buf_type capture;
};
constexpr ConverterKind vim2m{"vim2m", V4L2_PIX_FMT_RGB565X, V4L2_BUF_TYPE_VIDEO_OUTPUT,
                              V4L2_BUF_TYPE_VIDEO_CAPTURE};
constexpr ConverterKind rga{"rockchip-rga", V4L2_PIX_FMT_NV12, V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE,
                            V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE};

class Converter final : public viewing::JobSource {
  public:
    Converter(UniqueFd fd, const ConverterKind& kind) : fd_{std::move(fd)}, kind_{kind} {}

    Result<void> start(unsigned depth, const Memory& memory, unsigned width) {
        std::size_t size = 0;
        for (const auto type : {kind_.output, kind_.capture}) {
            const auto format =
                v4l2::set_format(fd_.get(), type, {kind_.pixel_format, width, height});
            if (!format) return tl::make_unexpected(format.error());
            size = format->size;
        }
        auto input = v4l2::Stream::create(fd_.get(), kind_.output, depth);
        if (!input) return tl::make_unexpected(input.error());
        input_ = std::move(*input);
        draw();
        auto frames = make_capture(fd_.get(), kind_.capture, depth, memory, size);
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
    Result<viewing::Handover> submit(unsigned index, viewing::Before before) override {
        const unsigned slot = index % depth();
        if (before == viewing::Before::zeros)
            std::ranges::fill(frames_.memory(slot), std::uint8_t{0});
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
        if (frame->error) return fail("could not do a job", kind_.driver);
        return {};
    }
    Result<bool> finished() override { return frames_.ready(std::chrono::milliseconds{0}); }
    Result<UniqueFd> export_again(unsigned buffer) override { return frames_.export_again(buffer); }

    [[nodiscard]] int fd() const { return fd_.get(); }

  private:
    /// Inputs that differ from each other and from those of other converters of this process, with
    /// no byte that a cleared buffer has.
    void draw() const {
        static unsigned picture = 0;
        for (unsigned slot = 0; slot < input_.size(); ++slot, ++picture) {
            unsigned at = 0;
            for (std::uint8_t& byte : input_.memory(slot))
                byte = static_cast<std::uint8_t>(1 + (at++ / 16 + 37 * picture) % 250);
        }
    }

    UniqueFd fd_;
    ConverterKind kind_;
    v4l2::Stream input_;
    v4l2::Stream frames_;
};

Result<std::unique_ptr<Converter>> open_converter(const ConverterKind& kind, unsigned depth,
                                                  const Memory& memory,
                                                  unsigned width = usual_width) {
    auto fd = v4l2::open_video(kind.driver);
    if (!fd) return tl::make_unexpected(fd.error());
    auto jobs = std::make_unique<Converter>(std::move(*fd), kind);
    if (auto ok = jobs->start(depth, memory, width); !ok) return tl::make_unexpected(ok.error());
    return jobs;
}

}  // namespace

Result<std::unique_ptr<viewing::JobSource>> open_vim2m(unsigned depth, const Memory& memory,
                                                       std::chrono::milliseconds job_time) {
    auto jobs = open_converter(vim2m, depth, memory);
    if (!jobs) return tl::make_unexpected(jobs.error());
    if (auto ok = v4l2::set_control((*jobs)->fd(), "Transaction Time (msec)",
                                    std::max(job_time.count(), std::int64_t{1}));
        !ok)
        return tl::make_unexpected(ok.error());
    return jobs;
}

Result<std::unique_ptr<viewing::JobSource>> open_rga(unsigned depth, const Memory& memory,
                                                     unsigned width) {
    auto jobs = open_converter(rga, depth, memory, width);
    if (!jobs) return tl::make_unexpected(jobs.error());
    return jobs;
}

}  // namespace relfence::players
