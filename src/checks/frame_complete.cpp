// SPDX-License-Identifier: MIT
// Whether a consumer that waits for the dma-buf alone gets the frame that VIDIOC_DQBUF gives later.
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <relfence/dmabuf/dma_buf.hpp>

#include "checks/look.hpp"

namespace relfence::checks {
namespace {

/// So that luck does not decide.
constexpr unsigned frames_wanted = 4;

/// Frames without a fence that were not there, until that is believed.
constexpr unsigned enough_torn = 3;
constexpr unsigned looks_for_start = 8;

struct Compared {
    bool in_flight = false;  ///< when the consumer began to wait
    bool fence = false;      ///< there was one by then
    bool readable = false;   ///< in the end
    std::size_t differ = 0;  ///< bytes that came after the consumer had looked
    std::size_t size = 0;
};

/// One frame, of which the buffer knows nothing before.
Result<Compared> compare_one(jobs::QueuePair& source, unsigned index) {
    const auto job = start_job(source, index, looks_for_start, jobs::Before::mark);
    if (!job) return tl::make_unexpected(job.error());
    const std::span<const std::uint8_t> pixels = job->frame.pixels;
    const auto over = source.finished();
    if (!over) return tl::make_unexpected(over.error());
    const auto readable = dmabuf::wait(job->frame.dma_buf, dmabuf::Access::read, patience);
    if (!readable) return tl::make_unexpected(readable.error());
    const std::vector<std::uint8_t> early{pixels.begin(), pixels.end()};
    if (auto ok = source.finish(); !ok) return tl::make_unexpected(ok.error());
    Compared compared{!*over, job->watched.found.has_value(), *readable, 0, early.size()};
    for (std::size_t i = 0; i < early.size(); ++i)
        compared.differ += early[i] != pixels[i] ? 1U : 0U;
    return compared;
}

std::string complete(unsigned frames) {
    return fmt::format("{} frames were there when their dma-bufs got readable", frames);
}

}  // namespace

Finding frame_complete(const Subject& subject) {
    unsigned seen = 0;
    unsigned without_fence = 0;
    unsigned torn = 0;
    const Finding finding = try_in_flight(
        subject, 1, {},
        [&](std::unique_ptr<jobs::QueuePair>& source, unsigned index) -> Result<Attempt> {
            const auto compared = compare_one(*source, index);
            if (!compared) return tl::make_unexpected(compared.error());
            if (!compared->in_flight) return Attempt::too_late();
            if (!compared->readable) return Attempt::fail("the dma-buf never gets readable");
            // Behind the end of the job before, a job and its fence may come late: not this matter.
            if (compared->differ != 0 && !compared->fence && (seen != 0 || ++torn < enough_torn))
                return Attempt::too_late();
            if (compared->differ != 0)
                return Attempt::fail(fmt::format(
                    "the dma-buf was readable when {} of {} bytes of the frame were not there yet",
                    compared->differ, compared->size));
            if (!compared->fence) {
                ++without_fence;
                return Attempt::too_late();
            }
            if (++seen < frames_wanted) return Attempt::too_late();
            return Attempt::pass(complete(seen));
        });
    // Fewer than wanted are still a finding.
    if (finding.verdict == Verdict::skip && seen != 0) return Finding::pass(complete(seen));
    // It may have been luck, and need not: some drivers write at once and take their time after it.
    if (finding.verdict == Verdict::skip && without_fence != 0)
        return Finding::skip(fmt::format(
            "{} frames had no fence, and yet no byte of them came after they were looked at",
            without_fence));
    return finding;
}

}  // namespace relfence::checks
