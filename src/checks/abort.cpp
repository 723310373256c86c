// SPDX-License-Identifier: MIT
// The player stops in mid-job: whoever waits for its frames must not wait for ever.
#include "checks/look.hpp"

namespace relfence::checks {
namespace {

/// The running job, and two that wait behind it.
constexpr unsigned queued_jobs = 3;

Result<Attempt> see_abort(std::unique_ptr<jobs::QueuePair>& source, bool close) {
    const auto running = start_job(*source, 0);
    if (!running) return tl::make_unexpected(running.error());
    if (!running->watched.found) return Attempt::without_fence(running->watched);
    const sync::SyncFile& fence = running->watched.found->file;
    for (unsigned index = 1; index < queued_jobs; ++index)
        if (auto waiting = source->submit(index, jobs::Before::stale); !waiting)
            return tl::make_unexpected(waiting.error());
    const auto over = source->finished();
    if (!over) return tl::make_unexpected(over.error());
    if (*over) return Attempt::too_late();
    if (close)
        source.reset();
    else if (auto ok = source->rewind(); !ok)
        return tl::make_unexpected(ok.error());
    const auto signalled = fence.wait(patience);
    if (!signalled) return tl::make_unexpected(signalled.error());
    if (!*signalled) return Attempt::fail(words_for(fence) + " for seconds after the end");
    return Attempt::pass(words_for(fence));
}

}  // namespace

Finding abort_streamoff(const Subject& subject) {
    return try_in_flight(
        subject, queued_jobs, {},
        [](auto& source, unsigned /*index*/) { return see_abort(source, false); }, true);
}

Finding abort_close(const Subject& subject) {
    return try_in_flight(
        subject, queued_jobs, {},
        [](auto& source, unsigned /*index*/) { return see_abort(source, true); }, true);
}

}  // namespace relfence::checks
