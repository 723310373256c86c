// SPDX-License-Identifier: MIT
// The driver owns a CAPTURE buffer, but no job is under way that will return it. A fence would wait
// for userspace, which dma-fence forbids: Documentation/driver-api/dma-buf.rst.
#include <chrono>
#include <linux/videodev2.h>

#include <fmt/format.h>

#include "checks/look.hpp"

namespace relfence::checks {
namespace {

using namespace std::chrono_literals;

/// A fence that is active for so long without a job is taken for unbounded.
constexpr auto too_long = 1s;

/// A fence on a frame that no job writes. @return what is wrong with it; empty when there is none
Result<std::string> unbounded(int dma_buf) {
    const auto seen = look(dma_buf);
    if (!seen) return tl::make_unexpected(seen.error());
    if (!seen->has_fence()) return std::string{};
    const auto signalled = seen->file.wait(too_long);
    if (!signalled) return tl::make_unexpected(signalled.error());
    return words_for(seen->fences) + (*signalled ? " without a job; signals" : " without a job");
}

Result<Finding> starve(jobs::QueuePair& /*source*/, const jobs::Handover& frame) {
    const auto wrong = unbounded(frame.dma_buf);
    if (!wrong) return tl::make_unexpected(wrong.error());
    if (!wrong->empty()) return Finding::fail(*wrong);
    return Finding::pass("no fence");
}

Result<Finding> hold(jobs::QueuePair& source, const jobs::Handover& frame) {
    if ((source.output().capabilities() & V4L2_BUF_CAP_SUPPORTS_M2M_HOLD_CAPTURE_BUF) == 0)
        return Finding::skip("the driver cannot hold a frame for another job, in this format");
    if (auto ok = source.feed(0, true); !ok) return tl::make_unexpected(ok.error());
    // The job is over when its OUTPUT buffer comes back; the CAPTURE buffer must not.
    if (auto ok = source.output().dequeue(); !ok) return tl::make_unexpected(ok.error());
    const auto returned = source.capture().ready(50ms);
    if (!returned) return tl::make_unexpected(returned.error());
    if (*returned) return Finding::fail("the driver gave back a frame that it was told to hold");
    const auto wrong = unbounded(frame.dma_buf);
    if (!wrong) return tl::make_unexpected(wrong.error());
    if (!wrong->empty()) return Finding::fail(*wrong);
    if (auto ok = source.feed(0, false); !ok) return tl::make_unexpected(ok.error());
    const auto watched = watch(source, frame.dma_buf);
    if (!watched) return tl::make_unexpected(watched.error());
    if (auto ok = source.capture().dequeue(); !ok) return tl::make_unexpected(ok.error());
    return Finding::pass("no fence while it is held" +
                         (watched->found
                              ? "; " + words_for(watched->found->fences) + " with the last job"
                              : std::string{}));
}

}  // namespace

Finding starved_output(const Subject& subject) {
    return in_each_memory(subject, 1, starve);
}

Finding held_capture(const Subject& subject) {
    return in_each_memory(subject, 2, hold);
}

}  // namespace relfence::checks
