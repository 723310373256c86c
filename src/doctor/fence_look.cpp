// SPDX-License-Identifier: MIT
#include "doctor/fence_look.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <relfence/dmabuf/dma_buf.hpp>

#include "bench/work.hpp"

namespace relfence::doctor {
namespace {

constexpr unsigned looks = 8;

/// What one job showed. Empty when it ended too soon to tell.
Result<std::string> look_at_job(jobs::JobSource& source, unsigned frame) {
    const auto job = source.submit(frame, jobs::Before::stale);
    if (!job) return tl::make_unexpected(job.error());
    const auto file = dmabuf::export_sync_file(job->dma_buf, dmabuf::Access::read);
    const auto over = source.finished();
    const auto done = source.finish();
    if (!file) return tl::make_unexpected(file.error());
    if (!over) return tl::make_unexpected(over.error());
    if (!done) return tl::make_unexpected(done.error());
    const auto fences = file->fences();
    if (!fences) return tl::make_unexpected(fences.error());
    if (sync::is_stub(*fences)) return *over ? "" : "no fence on a frame that is being written";
    const bool signalled = std::ranges::none_of(*fences, &sync::Fence::active);
    return fmt::format(
        "fence of {} on a frame that is being written; {}", fences->front().driver,
        signalled ? "signalled when the frame was there" : "still active when the frame was there");
}

}  // namespace

std::string look_for_fence(const devices::VideoDevice& device) {
    const auto work = bench::open_work(device, 2);
    if (!work) return "not looked at: " + work.error().message();
    if (const auto ok = work->source->rewind(); !ok) return "error: " + ok.error().message();
    std::string seen;
    for (unsigned frame = 0; frame < looks; ++frame) {
        const auto one = look_at_job(*work->source, frame);
        if (!one) return "error: " + one.error().message();
        // The job before may not have been over for the driver: a fence in any of them is one.
        if (!one->empty() && (seen.empty() || one->starts_with("fence"))) seen = *one;
    }
    return seen.empty() ? "not seen: the jobs end before one can look at them" : seen;
}

}  // namespace relfence::doctor
