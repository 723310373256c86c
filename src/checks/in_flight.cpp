// SPDX-License-Identifier: MIT
// What those who hold the dma-buf find while the driver writes the frame.
#include <chrono>

#include <fmt/format.h>

#include <relfence/dmabuf/dma_buf.hpp>

#include "checks/look.hpp"

namespace relfence::checks {
namespace {

using namespace std::chrono_literals;
using dmabuf::Access;
using jobs::Before;
using Source = std::unique_ptr<jobs::QueuePair>;

constexpr jobs::Memory own_memory{};

/// What a job shows from its start to VIDIOC_DQBUF.
Result<Watched> see_whole_job(jobs::JobSource& source, unsigned index) {
    auto job = start_job(source, index);
    if (!job) return tl::make_unexpected(job.error());
    if (auto ok = source.finish(); !ok) return tl::make_unexpected(ok.error());
    return std::move(job->watched);
}

Result<Attempt> see_fence(Source& source, unsigned index) {
    const auto seen = see_whole_job(*source, index);
    if (!seen) return tl::make_unexpected(seen.error());
    if (!seen->found) return Attempt::without_fence(*seen);
    return Attempt::pass(words_for(seen->found->fences));
}

Result<Attempt> see_signal(Source& source, unsigned index) {
    const auto seen = see_whole_job(*source, index);
    if (!seen) return tl::make_unexpected(seen.error());
    if (!seen->found) return Attempt::without_fence(*seen);
    // Not a while later: whoever got the frame by DQBUF hands it on to who looks at the fence.
    const auto after = seen->found->file.fences();
    if (!after) return tl::make_unexpected(after.error());
    for (const sync::Fence& fence : *after) {
        if (fence.active()) {
            const auto later = seen->found->file.wait(patience);
            return Attempt::fail(words_for(*after) + " after VIDIOC_DQBUF" +
                                 (later && *later ? "; signals later" : "; never signals"));
        }
        if (fence.status < 0)
            return Attempt::fail(words_for(*after) + ", though the job was done without error");
    }
    return Attempt::pass(words_for(*after) + " at VIDIOC_DQBUF");
}

Result<Attempt> see_poll(Source& source, unsigned index) {
    const auto job = start_job(*source, index);
    if (!job) return tl::make_unexpected(job.error());
    const auto read = dmabuf::wait(job->frame.dma_buf, Access::read, 0ms);
    if (!read) return tl::make_unexpected(read.error());
    const auto write = dmabuf::wait(job->frame.dma_buf, Access::write, 0ms);
    if (!write) return tl::make_unexpected(write.error());
    const auto over = source->finished();
    if (!over) return tl::make_unexpected(over.error());
    if (*over || !job->watched.found) {
        if (auto ok = source->finish(); !ok) return tl::make_unexpected(ok.error());
        return job->watched.found ? Attempt::too_late() : Attempt::without_fence(job->watched);
    }
    // Sleeps in poll(), as a compositor's event loop does, until the fence wakes it.
    const auto woken = dmabuf::wait(job->frame.dma_buf, Access::read, patience);
    if (!woken) return tl::make_unexpected(woken.error());
    // A fence and VIDIOC_DQBUF are told of the same end, one after the other.
    const auto done = source->capture().ready(20ms);
    if (!done) return tl::make_unexpected(done.error());
    if (auto ok = source->finish(); !ok) return tl::make_unexpected(ok.error());
    const auto word = [](bool ready) { return ready ? "ready" : "waits"; };
    const std::string in_flight =
        fmt::format("in flight POLLIN {}, POLLOUT {}", word(*read), word(*write));
    if (*read || *write) return Attempt::fail(in_flight);
    if (!*woken) return Attempt::fail(in_flight + "; never wakes up");
    if (!*done) return Attempt::fail(in_flight + "; wakes up before the job is done");
    return Attempt::pass(in_flight + "; wakes up when done");
}

Result<Attempt> see_exports(Source& source, unsigned index) {
    const auto handover = source->submit(index, Before::stale);
    if (!handover) return tl::make_unexpected(handover.error());
    // The first export was made with the buffer, this one with the job under way.
    const auto late = source->export_again(handover->buffer);
    if (!late) return tl::make_unexpected(late.error());
    const auto watched = watch(*source, handover->dma_buf);
    if (!watched) return tl::make_unexpected(watched.error());
    const auto other = look(late->get());
    if (!other) return tl::make_unexpected(other.error());
    const auto over = source->finished();
    if (!over) return tl::make_unexpected(over.error());
    if (auto ok = source->finish(); !ok) return tl::make_unexpected(ok.error());
    if (!watched->found && !other->has_fence()) return Attempt::without_fence(*watched);
    if (*over) return Attempt::too_late();
    if (!watched->found)
        return Attempt::fail(words_for(other->fences) + " in a new export, none in the old one");
    if (!other->has_fence())
        return Attempt::fail(words_for(watched->found->fences) +
                             " in the old export, none in a new one");
    // One fence signals once: two that did so in the same nanosecond under one name are one.
    const auto old_end = watched->found->file.fences();
    const auto new_end = other->file.fences();
    if (!old_end) return tl::make_unexpected(old_end.error());
    if (!new_end) return tl::make_unexpected(new_end.error());
    if (words_for(*old_end) != words_for(*new_end) ||
        old_end->front().timestamp_ns != new_end->front().timestamp_ns)
        return Attempt::fail(fmt::format("{} in the old export, {} in a new one",
                                         words_for(*old_end), words_for(*new_end)));
    return Attempt::pass(words_for(watched->found->fences) + " in both");
}

/// Into memory that the driver did not allocate. What it does not take is no failure.
Finding imported(const Subject& subject, jobs::Memory::Source memory) {
    const auto opened = subject.open(1, {.source = memory}, jobs::picture_sizes[0]);
    if (!opened && opened.error().code == EBUSY) return Finding::error(opened.error());
    if (!opened) return Finding::skip(opened.error().message());
    // Contiguous memory may be wanted, which is found out only when a buffer is queued.
    if (const auto taken = (*opened)->offer(0, Before::stale); !taken)
        return Finding::skip("the driver does not take such memory: " + taken.error().message());
    return try_in_flight(subject, 1, {.source = memory}, see_signal);
}

}  // namespace

Finding in_flight_fence(const Subject& subject) {
    return try_in_flight(subject, 1, own_memory, see_fence);
}

Finding fence_signals(const Subject& subject) {
    return try_in_flight(subject, 1, own_memory, see_signal);
}

Finding in_flight_poll(const Subject& subject) {
    return try_in_flight(subject, 1, own_memory, see_poll);
}

Finding shared_exports(const Subject& subject) {
    return try_in_flight(subject, 1, own_memory, see_exports);
}

Finding imported_udmabuf(const Subject& subject) {
    return imported(subject, jobs::Memory::Source::udmabuf);
}

Finding imported_heap(const Subject& subject) {
    return imported(subject, jobs::Memory::Source::heap);
}

Finding imported_vgem(const Subject& subject) {
    return imported(subject, jobs::Memory::Source::vgem);
}

}  // namespace relfence::checks
