// SPDX-License-Identifier: MIT
#include "jobs/queue_pair.hpp"

#include <algorithm>
#include <chrono>

namespace relfence::jobs {

unsigned QueuePair::depth() const {
    return std::min(output_.size(), capture_.size());
}

Result<void> QueuePair::rewind() {
    for (const v4l2::Stream* stream : {&output_, &capture_})
        if (auto ok = stream->off(); !ok) return ok;
    if (auto ok = forget_jobs(); !ok) return ok;
    for (const v4l2::Stream* stream : {&output_, &capture_})
        if (auto ok = stream->on(); !ok) return ok;
    return {};
}

Result<Handover> QueuePair::offer(unsigned index, Before before) {
    const unsigned slot = index % depth();
    if (before == Before::zeros) std::ranges::fill(capture_.memory(slot), std::uint8_t{0});
    if (auto ok = capture_.queue(slot, {}); !ok) return tl::make_unexpected(ok.error());
    return Handover{slot, capture_.dma_buf(slot), capture_.memory(slot)};
}

Result<Handover> QueuePair::submit(unsigned index, Before before) {
    const auto handover = offer(index, before);
    if (!handover) return handover;
    if (auto ok = feed(index, false); !ok) return tl::make_unexpected(ok.error());
    return handover;
}

Result<void> QueuePair::take_back() {
    const auto frame = capture_.dequeue();
    if (!frame) return tl::make_unexpected(frame.error());
    const auto input = output_.dequeue();
    if (!input) return tl::make_unexpected(input.error());
    if (auto ok = forget_oldest_job(); !ok) return ok;
    if (frame->error)
        return tl::make_unexpected(Error{EIO, "could not do a job", name_, "see the kernel's log"});
    return {};
}

Result<void> QueuePair::finish() {
    return take_back();
}

Result<bool> QueuePair::finished() {
    return capture_.ready(std::chrono::milliseconds{0});
}

Result<UniqueFd> QueuePair::export_again(unsigned buffer) {
    return capture_.export_again(buffer);
}

}  // namespace relfence::jobs
