// SPDX-License-Identifier: MIT
#include "checks/look.hpp"

#include <fmt/format.h>

#include <relfence/dmabuf/dma_buf.hpp>

#include "sync/seen.hpp"

namespace relfence::checks {
namespace {

/// Fewer looks may all fall before the start of the job.
constexpr unsigned enough_looks = 3;
constexpr unsigned jobs_without_fence = 3;
constexpr unsigned attempts_of_a_size = 5;

/// With a fence of somebody's in the memory of others that has signalled, if one can be made, as a
/// GPU leaves it there.
constexpr jobs::Memory memories[] = {{},
                                     {.source = jobs::Memory::Source::udmabuf, .used_before = true},
                                     {.source = jobs::Memory::Source::heap, .used_before = true}};

}  // namespace

Result<Look> look(int dma_buf) {
    auto file = dmabuf::export_sync_file(dma_buf, dmabuf::Access::read);
    if (!file) return tl::make_unexpected(file.error());
    auto fences = file->fences();
    if (!fences) return tl::make_unexpected(fences.error());
    return Look{std::move(*file), std::move(*fences)};
}

std::string words_for(const std::vector<sync::Fence>& fences) {
    if (fences.empty() || sync::is_stub(fences)) return "no fence";
    std::string text;
    for (const sync::Fence& fence : fences)
        text += fmt::format("{}{} {}", text.empty() ? "" : " + ", fence.driver, fence.timeline);
    return text + ", " + sync::state(fences);
}

std::string words_for(const sync::SyncFile& file) {
    const auto fences = file.fences();
    return fences ? words_for(*fences) : fences.error().message();
}

Result<Watched> watch(jobs::JobSource& source, int dma_buf, unsigned most) {
    Watched watched;
    const auto end = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < end) {
        auto seen = look(dma_buf);
        if (!seen) return tl::make_unexpected(seen.error());
        const bool found = seen->has_fence();
        if (found) watched.found = std::move(*seen);
        const auto over = source.finished();
        if (!over) return tl::make_unexpected(over.error());
        if (found || *over) return watched;
        if (++watched.looks == most) return watched;
    }
    return fail_errno("wait for the end of a job", "video device", ETIMEDOUT);
}

Result<Started> start_job(jobs::JobSource& source, unsigned index, unsigned most,
                          jobs::Before before) {
    const auto frame = source.submit(index, before);
    if (!frame) return tl::make_unexpected(frame.error());
    auto watched = watch(source, frame->dma_buf, most);
    if (!watched) return tl::make_unexpected(watched.error());
    return Started{*frame, std::move(*watched)};
}

Attempt Attempt::without_fence(const Watched& watched) {
    return watched.looks < enough_looks ? too_late() : no_fence();
}

Finding try_in_flight(
    const Subject& subject, unsigned depth, const jobs::Memory& memory,
    const std::function<Result<Attempt>(std::unique_ptr<jobs::QueuePair>&, unsigned)>& attempt,
    bool needs_fresh) {
    unsigned without = 0;
    unsigned tried = 0;
    for (const jobs::PictureSize size : jobs::picture_sizes) {
        std::unique_ptr<jobs::QueuePair> source;
        for (unsigned i = 0; i < attempts_of_a_size; ++i, ++tried) {
            if (!source || needs_fresh) {
                source.reset();
                auto opened = subject.open(depth, memory, size);
                if (!opened) {
                    // Larger frames than the device takes are no error.
                    if (tried != 0) break;
                    return Finding::error(opened.error());
                }
                source = std::move(*opened);
            }
            const auto seen = attempt(source, needs_fresh ? 0 : i);
            if (!seen) return Finding::error(seen.error());
            if (seen->kind == Attempt::Kind::concluded) return seen->finding;
            without += seen->kind == Attempt::Kind::no_fence ? 1U : 0U;
            if (without == jobs_without_fence)
                return Finding::fail(
                    fmt::format("no fence: {} jobs were seen in flight, none had one", without));
        }
    }
    return Finding::skip(fmt::format(
        "no job was seen in flight: {} were over before they could be looked at", tried));
}

Finding in_each_memory(
    const Subject& subject, unsigned depth,
    const std::function<Result<Finding>(jobs::QueuePair&, const jobs::Handover&)>& test) {
    Finding last = Finding::skip("no memory to try it in");
    for (const jobs::Memory& memory : memories) {
        const bool own = memory.source == jobs::Memory::Source::exported;
        const auto source = subject.open(depth, memory, jobs::picture_sizes[0]);
        if (!source && own) return Finding::error(source.error());
        if (!source) continue;
        const auto frame = (*source)->offer(0, jobs::Before::stale);
        if (!frame && own) return Finding::error(frame.error());
        if (!frame) continue;
        const Result<Finding> finding = test(**source, *frame);
        if (!finding) return Finding::error(finding.error());
        last = *finding;
        if (last.verdict != Verdict::pass) return last;
    }
    return last;
}

}  // namespace relfence::checks
