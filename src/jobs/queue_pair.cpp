// SPDX-License-Identifier: MIT
#include "jobs/queue_pair.hpp"

#include <algorithm>
#include <chrono>

namespace relfence::jobs {

namespace {

constexpr std::string_view use = "use";

}  // namespace

Error cannot_use(const std::string& device, std::string why) {
    return {EOPNOTSUPP, std::string{use}, device, std::move(why)};
}

bool is_cannot_use(const Error& error) {
    return error.code == EOPNOTSUPP && error.operation == use;
}

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

void QueuePair::prepare(unsigned slot, unsigned index, Before before) const {
    if (before == Before::stale) return;
    const auto mark = static_cast<std::uint8_t>(0xa5 ^ index);
    std::ranges::fill(capture_.memory(slot), before == Before::mark ? mark : std::uint8_t{0});
}

Result<Handover> QueuePair::offer(unsigned index, Before before) {
    const unsigned slot = index % depth();
    prepare(slot, index, before);
    if (auto ok = capture_.queue(slot, {}); !ok) return tl::make_unexpected(ok.error());
    return Handover{slot, capture_.dma_buf(slot), capture_.memory(slot)};
}

Result<Handover> QueuePair::submit(unsigned index, Before before) {
    const auto handover = offer(index, before);
    if (!handover) return handover;
    if (auto ok = feed(index, false); !ok) return tl::make_unexpected(ok.error());
    return handover;
}

Result<void> QueuePair::take_input_back() {
    const auto input = output_.dequeue();
    if (!input) return tl::make_unexpected(input.error());
    return forget_oldest_job();
}

Error QueuePair::failed_job() const {
    return {EIO, "could not do a job", name_, "see the kernel's log"};
}

Result<void> QueuePair::take_back() {
    const auto frame = capture_.dequeue();
    if (!frame) return tl::make_unexpected(frame.error());
    if (auto ok = take_input_back(); !ok) return ok;
    if (frame->error) return tl::make_unexpected(failed_job());
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
