// SPDX-License-Identifier: MIT
#include "players/stateless_decoder.hpp"

#include <algorithm>
#include <chrono>
#include <linux/videodev2.h>

namespace relfence::players {

StatelessDecoder::StatelessDecoder(std::string name, UniqueFd video, UniqueFd media)
    : name_{std::move(name)}, video_{std::move(video)}, media_{std::move(media)} {}

Result<void> StatelessDecoder::start(unsigned depth, const Memory& memory, std::size_t size) {
    auto coded = v4l2::Stream::create(video(), V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE, depth);
    if (!coded) return tl::make_unexpected(coded.error());
    coded_ = std::move(*coded);
    auto frames = make_capture(video(), V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE, depth, memory, size);
    if (!frames) return tl::make_unexpected(frames.error());
    frames_ = std::move(*frames);
    for (unsigned i = 0; i < depth; ++i) {
        auto request = v4l2::Request::allocate(media_.get());
        if (!request) return tl::make_unexpected(request.error());
        requests_.push_back(std::move(*request));
    }
    return rewind();
}

unsigned StatelessDecoder::depth() const {
    return static_cast<unsigned>(requests_.size());
}

Result<void> StatelessDecoder::rewind() {
    for (const v4l2::Stream* stream : {&coded_, &frames_})
        if (auto ok = stream->off(); !ok) return ok;
    while (!queued_.empty())
        if (auto ok = recycle_oldest(); !ok) return ok;
    for (const v4l2::Stream* stream : {&coded_, &frames_})
        if (auto ok = stream->on(); !ok) return ok;
    return {};
}

Result<viewing::Handover> StatelessDecoder::queue(unsigned slot, std::size_t used,
                                                  unsigned timestamp, viewing::Before before) {
    if (before == viewing::Before::zeros) std::ranges::fill(frames_.memory(slot), std::uint8_t{0});
    if (auto ok = frames_.queue(slot, {}); !ok) return tl::make_unexpected(ok.error());
    if (auto ok = coded_.queue(
            slot, {.used = used, .request = requests_[slot].fd(), .timestamp = timestamp});
        !ok)
        return tl::make_unexpected(ok.error());
    if (auto ok = requests_[slot].queue(); !ok) return tl::make_unexpected(ok.error());
    queued_.push_back(slot);
    return viewing::Handover{slot, frames_.dma_buf(slot), frames_.memory(slot)};
}

Result<void> StatelessDecoder::finish() {
    const auto frame = frames_.dequeue();
    if (!frame) return tl::make_unexpected(frame.error());
    const auto coded = coded_.dequeue();
    if (!coded) return tl::make_unexpected(coded.error());
    if (auto ok = recycle_oldest(); !ok) return ok;
    if (frame->error) return fail("could not decode a frame", name_);
    return {};
}

Result<bool> StatelessDecoder::finished() {
    return frames_.ready(std::chrono::milliseconds{0});
}

Result<UniqueFd> StatelessDecoder::export_again(unsigned buffer) {
    return frames_.export_again(buffer);
}

Result<void> StatelessDecoder::recycle_oldest() {
    const v4l2::Request& request = requests_[queued_.front()];
    queued_.pop_front();
    return request.reinit();
}

}  // namespace relfence::players
