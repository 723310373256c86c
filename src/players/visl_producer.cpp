// SPDX-License-Identifier: MIT
#include "players/visl_producer.hpp"

#include <algorithm>
#include <deque>
#include <set>

#include <fmt/format.h>

#include <relfence/image/compare.hpp>
#include <relfence/v4l2/device.hpp>
#include <relfence/v4l2/request.hpp>
#include <relfence/v4l2/stream.hpp>

#include "players/clip.hpp"
#include "players/visl_setup.hpp"

namespace relfence::players {
namespace {

class Visl final : public viewing::Producer {
  public:
    Visl(UniqueFd video, UniqueFd media) : video_{std::move(video)}, media_{std::move(media)} {}

    Result<void> start(unsigned depth, const Memory& memory) {
        const auto size = set_visl_formats(video_.get());
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
        return {image::Layout::nv12, clip_width, clip_height, {}};
    }

    /// The picture shows the frame's sequence number, which only STREAMOFF resets.
    Result<void> rewind() override {
        for (const v4l2::Stream* stream : {&coded_, &frames_})
            if (auto ok = stream->off(); !ok) return ok;
        while (!queued_.empty())
            if (auto ok = recycle_oldest(); !ok) return ok;
        for (const v4l2::Stream* stream : {&coded_, &frames_})
            if (auto ok = stream->on(); !ok) return ok;
        return {};
    }

    Result<viewing::Handover> submit(unsigned index, viewing::Before before) override {
        const unsigned slot = index % depth();
        const v4l2::Request& request = requests_[slot];
        if (before == viewing::Before::zeros)
            std::ranges::fill(frames_.memory(slot), std::uint8_t{0});
        if (auto ok = set_visl_frame(video_.get(), request); !ok)
            return tl::make_unexpected(ok.error());
        if (auto ok = frames_.queue(slot, {}); !ok) return tl::make_unexpected(ok.error());
        if (auto ok = coded_.queue(slot, {.used = 1, .request = request.fd(), .timestamp = index});
            !ok)
            return tl::make_unexpected(ok.error());
        if (auto ok = request.queue(); !ok) return tl::make_unexpected(ok.error());
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

    Result<UniqueFd> export_again(unsigned buffer) override { return frames_.export_again(buffer); }

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
        const v4l2::Request& request = requests_[queued_.front()];
        queued_.pop_front();
        return request.reinit();
    }

    UniqueFd video_;
    UniqueFd media_;
    v4l2::Stream coded_;
    v4l2::Stream frames_;
    std::vector<v4l2::Request> requests_;
    std::deque<unsigned> queued_;  // slots between submit and finish, oldest first
};

}  // namespace

Result<std::unique_ptr<viewing::Producer>> open_visl(unsigned depth, const Memory& memory) {
    auto video = v4l2::open_video("visl");
    if (!video) return tl::make_unexpected(video.error());
    auto media = v4l2::open_media("visl");
    if (!media) return tl::make_unexpected(media.error());
    auto decoder = std::make_unique<Visl>(std::move(*video), std::move(*media));
    if (auto ok = decoder->start(depth, memory); !ok) return tl::make_unexpected(ok.error());
    return std::unique_ptr<viewing::Producer>{std::move(decoder)};
}

}  // namespace relfence::players
