// SPDX-License-Identifier: MIT
// several-contexts: decoders of different streams and scalers at once. Jobs of one device wait for
// each other; each fence must be of its own queue, and no other's job may signal it.
#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include <relfence/dmabuf/dma_buf.hpp>

#include "cases/case.hpp"
#include "cases/seen.hpp"
#include "players/converter_jobs.hpp"
#include "players/player.hpp"

namespace relfence::cases {
namespace {

using namespace std::chrono_literals;
using Picture = std::vector<std::uint8_t>;

constexpr unsigned decoders = 3;
constexpr unsigned scalers = 2;
/// Frames of the scene between the beginnings of the decoders' streams.
constexpr unsigned apart = 20;
constexpr unsigned depth = 2;
/// Between two looks: much shorter than a job of the board.
constexpr auto pause = 1ms;
constexpr auto contexts_patience = 5s;

/// One that has a device open, as all of them have at once.
struct Context {
    std::optional<players::Player> player;      ///< of a decoder
    std::unique_ptr<viewing::JobSource> alone;  ///< of a scaler
    std::vector<Picture> right;                 ///< by frame

    [[nodiscard]] viewing::JobSource& source() const { return player ? *player->producer : *alone; }
};

/// What was seen of all frames.
struct Sum {
    unsigned frames = 0;
    unsigned had_fence = 0;
    unsigned differ = 0;   ///< when the fence had signalled, or DQBUF had returned
    unsigned early = 0;    ///< fences that signalled before their job was over
    unsigned failed = 0;   ///< jobs that V4L2 says failed
    unsigned several = 0;  ///< frames with more fences than one
    std::vector<std::set<std::string>> timelines;  ///< by context
};

Result<Context> open_decoder(unsigned number, unsigned frames) {
    auto player =
        players::open_player("hantro-vpu", image::Layout::nv12, frames, depth, number * apart);
    if (!player) return tl::make_unexpected(player.error());
    Context context;
    for (const image::Frame& frame : player->reference) context.right.push_back(frame.bytes);
    context.player = std::move(*player);
    return context;
}

Result<Context> open_scaler(unsigned frames) {
    auto source = players::open_rga(depth, {});
    if (!source) return tl::make_unexpected(source.error());
    Context context;
    context.alone = std::move(*source);
    for (unsigned i = 0; i < frames; ++i) {
        const auto handover = context.alone->submit(i, viewing::Before::zeros);
        if (!handover) return tl::make_unexpected(handover.error());
        if (auto ok = context.alone->finish(); !ok) return tl::make_unexpected(ok.error());
        context.right.emplace_back(handover->pixels.begin(), handover->pixels.end());
    }
    return context;
}

/// A frame of a context from its submission to its end.
struct Pending {
    std::size_t context = 0;
    viewing::Handover handover;
    std::optional<sync::SyncFile> fence{};  ///< once it is there
    bool over = false;
};

/// Looks at a frame once, as a consumer does that was handed the dma-buf at submission.
Result<void> look(Context& context, Pending& frame, unsigned index, Sum& sum) {
    viewing::JobSource& source = context.source();
    if (!frame.fence) {
        auto file = dmabuf::export_sync_file(frame.handover.dma_buf, dmabuf::Access::read);
        if (!file) return tl::make_unexpected(file.error());
        const auto fences = file->fences();
        if (!fences) return tl::make_unexpected(fences.error());
        if (!sync::is_stub(*fences)) {
            ++sum.had_fence;
            sum.several += fences->size() == 1 ? 0U : 1U;
            for (const auto& fence : *fences) sum.timelines[frame.context].insert(fence.timeline);
            frame.fence = std::move(*file);
        }
    }
    const auto finished = source.finished();
    if (!finished) return tl::make_unexpected(finished.error());
    const auto signalled = frame.fence ? frame.fence->wait(0ms) : Result<bool>{*finished};
    if (!signalled) return tl::make_unexpected(signalled.error());
    if (!*signalled) return {};
    sum.differ += std::ranges::equal(frame.handover.pixels, context.right[index]) ? 0U : 1U;
    // The fence signals a moment before the buffer can be dequeued.
    std::this_thread::sleep_for(2 * pause);
    const auto over = source.finished();
    if (!over) return tl::make_unexpected(over.error());
    sum.early += *over ? 0U : 1U;
    sum.failed += source.finish() ? 0U : 1U;
    ++sum.frames;
    frame.over = true;
    return {};
}

Result<void> play(std::vector<Context>& contexts, unsigned index, Sum& sum) {
    std::vector<Pending> pending;
    for (std::size_t i = 0; i < contexts.size(); ++i) {
        const auto handover = contexts[i].source().submit(index, viewing::Before::zeros);
        if (!handover) return tl::make_unexpected(handover.error());
        pending.push_back({i, *handover});
    }
    const auto begin = std::chrono::steady_clock::now();
    while (!pending.empty()) {
        for (Pending& frame : pending)
            if (auto ok = look(contexts[frame.context], frame, index, sum); !ok) return ok;
        std::erase_if(pending, [](const Pending& frame) { return frame.over; });
        if (std::chrono::steady_clock::now() - begin > contexts_patience)
            return fail_errno("wait for", "the jobs of all contexts", ETIMEDOUT);
        std::this_thread::sleep_for(pause);
    }
    return {};
}

std::string describe(const Sum& sum) {
    const auto differ = fmt::format("{} of {} frames differ{}", sum.differ, sum.frames,
                                    sum.failed > 0 ? fmt::format(", {} failed", sum.failed) : "");
    if (sum.had_fence == 0) return "no fence; " + differ;
    std::set<std::string> all;
    std::size_t count = 0;
    for (const auto& names : sum.timelines) {
        all.insert(names.begin(), names.end());
        count += names.size();
    }
    const bool own = count == sum.timelines.size() && all.size() == count && sum.several == 0;
    return fmt::format("{} of {} had a fence, {}; {} signalled early; {}", sum.had_fence,
                       sum.frames, own ? "each of its own queue" : "of foreign queues", sum.early,
                       differ);
}

Result<std::string> see(unsigned frames) {
    std::vector<Context> contexts;
    for (unsigned i = 0; i < decoders; ++i) {
        auto context = open_decoder(i, frames);
        if (!context) return tl::make_unexpected(context.error());
        contexts.push_back(std::move(*context));
    }
    for (unsigned i = 0; i < scalers; ++i) {
        auto context = open_scaler(frames);
        if (!context) return tl::make_unexpected(context.error());
        contexts.push_back(std::move(*context));
    }
    // The control: frames that all look the same would be right whoever writes them.
    for (std::size_t i = 1; i < contexts.size(); ++i)
        if (contexts[i].right.front() == contexts[i - 1].right.front())
            return fail("make the same picture", "contexts");
    Sum sum;
    sum.timelines.resize(contexts.size());
    for (const Context& context : contexts)
        if (auto ok = context.source().rewind(); !ok) return tl::make_unexpected(ok.error());
    for (unsigned index = 0; index < frames; ++index)
        if (auto ok = play(contexts, index, sum); !ok) return tl::make_unexpected(ok.error());
    return describe(sum);
}

}  // namespace

Outcome several_contexts(const Setup& setup) {
    // Three, so that each context uses a buffer again.
    return Outcome::of(see(setup.quick ? 2 : 3));
}

}  // namespace relfence::cases
