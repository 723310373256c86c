// SPDX-License-Identifier: MIT
// The other direction: somebody reads a frame whose buffer is queued again.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include <relfence/dmabuf/dma_buf.hpp>
#include <relfence/dmabuf/pending_fence.hpp>

#include "checks/look.hpp"

namespace relfence::checks {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

/// How long a reader keeps a frame, at least; more than a job takes.
constexpr std::chrono::milliseconds shortest_reading{300};
constexpr int reading_per_job = 4;

Result<Finding> requeue_while_read(jobs::QueuePair& source, const jobs::Handover& first) {
    const auto reader = dmabuf::PendingFence::create();
    if (!reader) return Finding::skip(reader.error().message());
    const auto start = steady_clock::now();
    if (auto ok = source.feed(0, false); !ok) return tl::make_unexpected(ok.error());
    if (auto ok = source.finish(); !ok) return tl::make_unexpected(ok.error());
    const auto job = std::chrono::ceil<std::chrono::milliseconds>(steady_clock::now() - start);
    // Until the driver comes to this buffer again, it may write all others.
    const unsigned buffers = source.capture().size();
    const auto reading = std::max(shortest_reading, job * (reading_per_job * buffers));
    if (auto ok = dmabuf::import_sync_file(first.dma_buf, reader->file(), dmabuf::Access::read);
        !ok)
        return tl::make_unexpected(ok.error());

    // A driver may well wait in VIDIOC_QBUF: then this thread cannot be the one that signals.
    std::jthread signaller{[&reader = *reader, reading](const std::stop_token& stop) {
        std::mutex mutex;
        std::unique_lock lock{mutex};
        std::condition_variable_any never;
        never.wait_for(lock, stop, reading, [] { return false; });
        static_cast<void>(reader.signal());
    }};
    unsigned index = source.depth();
    auto again = source.submit(index, jobs::Before::stale);
    for (unsigned others = 1; again && again->buffer != first.buffer && others < buffers;
         ++others) {
        if (auto ok = source.finish(); !ok) return tl::make_unexpected(ok.error());
        again = source.submit(++index, jobs::Before::stale);
    }
    if (!again) return tl::make_unexpected(again.error());
    const auto asked = reader->file().wait(0ms);
    if (!asked) return tl::make_unexpected(asked.error());
    bool written_early = false;
    while (!written_early) {
        const auto released = reader->file().wait(0ms);
        if (!released) return tl::make_unexpected(released.error());
        if (*released) break;
        const auto over = source.capture().ready(5ms);
        if (!over) return tl::make_unexpected(over.error());
        if (!*over) continue;
        const auto still = reader->file().wait(0ms);
        if (!still) return tl::make_unexpected(still.error());
        written_early = !*still;
        if (*still) break;
    }
    signaller.request_stop();
    signaller.join();
    if (auto ok = source.finish(); !ok) return tl::make_unexpected(ok.error());
    if (written_early)
        // No more than that: the V4L2 API promises nothing of it. See docs/checks.md.
        return Finding::warn("the frame was written while the fence of a reader was pending on it");
    return Finding::pass(*asked ? "VIDIOC_QBUF waits for the fence of a reader"
                                : "the job waits for the fence of a reader");
}

}  // namespace

Finding reader_fence(const Subject& subject) {
    return in_each_memory(subject, 1, requeue_while_read);
}

}  // namespace relfence::checks
