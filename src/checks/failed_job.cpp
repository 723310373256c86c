// SPDX-License-Identifier: MIT
// A job that fails: the fence must say so, as V4L2_BUF_FLAG_ERROR does.
#include <cerrno>

#include "checks/look.hpp"

namespace relfence::checks {
namespace {

Result<Attempt> see_failure(std::unique_ptr<jobs::QueuePair>& source, unsigned index) {
    if (!source->spoil())
        return Attempt::skip("no job that fails can be made for this kind of device");
    const auto job = start_job(*source, index);
    if (!job && job.error().code == ETIMEDOUT && source->may_drop_frames())
        return Attempt::skip("the driver gives no frame back for a broken one");
    if (!job) return tl::make_unexpected(job.error());
    const auto done = source->finish();
    if (done) return Attempt::skip("the driver says that it could decode a broken frame");
    if (done.error().code != EIO) return tl::make_unexpected(done.error());
    if (!job->watched.found) return Attempt::without_fence(job->watched);
    const auto after = job->watched.found->file.fences();
    if (!after) return tl::make_unexpected(after.error());
    for (const sync::Fence& fence : *after)
        if (fence.status >= 0)
            return Attempt::fail(words_for(*after) + " at VIDIOC_DQBUF, which gives an error");
    return Attempt::pass(words_for(*after) + " at VIDIOC_DQBUF");
}

}  // namespace

Finding failed_job(const Subject& subject) {
    // Each on a device of its own: what a codec makes of the next frame does not matter.
    return try_in_flight(subject, 1, {}, see_failure, true);
}

}  // namespace relfence::checks
