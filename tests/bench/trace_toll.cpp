// SPDX-License-Identifier: MIT
#include "trace_toll.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fcntl.h>
#include <functional>
#include <linux/videodev2.h>
#include <string_view>
#include <unistd.h>
#include <vector>

#include <relfence/base/statistics.hpp>
#include <relfence/base/unique_fd.hpp>
#include <relfence/sync/sw_sync.hpp>
#include <relfence/v4l2/device.hpp>
#include <relfence/v4l2/stream.hpp>

namespace relfence {
namespace {

using Clock = std::chrono::steady_clock;

/// Long enough for the clock, short enough that what else happens on the machine hits both alike.
constexpr unsigned fences_of_a_block = 400;
constexpr unsigned fences_at_once = 100;
constexpr unsigned buffers_of_a_block = 600;
constexpr unsigned lines_of_a_block = 600;

Result<void> write_to(const std::string& file, std::string_view text) {
    const auto fd = open_fd(file, O_WRONLY);
    if (!fd) return tl::make_unexpected(fd.error());
    if (::write(fd->get(), text.data(), text.size()) < 0) return fail_errno("write", file);
    return {};
}

/// Something that causes events, and how it is done with and without their being recorded.
struct Toll {
    const char* what;
    unsigned events;  ///< of a block
    std::function<Result<void>()> block;
    std::function<Result<void>(bool)> turn;
};

Result<double> nanoseconds(const Toll& toll, bool on) {
    if (auto ok = toll.turn(on); !ok) return tl::make_unexpected(ok.error());
    const auto begin = Clock::now();
    if (auto ok = toll.block(); !ok) return tl::make_unexpected(ok.error());
    return std::chrono::duration<double, std::nano>(Clock::now() - begin).count() / toll.events;
}

Result<void> measure(const Toll& toll, unsigned rounds) {
    std::vector<double> more;
    // The first one also fetches code and data.
    for (unsigned round = 0; round <= rounds; ++round) {
        const bool on_first = round % 2 == 0;
        const auto first = nanoseconds(toll, on_first);
        if (!first) return tl::make_unexpected(first.error());
        const auto second = nanoseconds(toll, !on_first);
        if (!second) return tl::make_unexpected(second.error());
        if (round != 0) more.push_back(on_first ? *first - *second : *second - *first);
    }
    const auto dearer = std::ranges::count_if(more, [](double by) { return by > 0; });
    std::ranges::sort(more);
    std::printf("%s: %.0f ns each (p10 %.0f, p90 %.0f), dearer in %td of %u rounds\n", toll.what,
                quantile(more, 0.5), quantile(more, 0.1), quantile(more, 0.9), dearer, rounds);
    return {};
}

Result<void> make_fences(const sync::SwSync& timeline, unsigned& made) {
    for (unsigned block = 0; block < fences_of_a_block; block += fences_at_once) {
        std::vector<sync::SyncFile> fences;
        for (unsigned i = 0; i < fences_at_once; ++i) {
            auto fence = timeline.fence_at(++made, "toll");
            if (!fence) return tl::make_unexpected(fence.error());
            fences.push_back(std::move(*fence));
        }
        if (auto ok = timeline.advance(fences_at_once); !ok) return ok;
    }
    return {};
}

/// Without a job: what is queued is taken back by STREAMOFF.
Result<void> queue_buffers(const v4l2::Stream& stream) {
    for (unsigned i = 0; i < buffers_of_a_block; ++i) {
        if (auto ok = stream.queue(0, {.used = stream.memory(0).size()}); !ok) return ok;
        if (auto ok = stream.off(); !ok) return ok;
    }
    return {};
}

/// Lines as the observer of `relfence trace -- COMMAND` writes them. All of it is what it costs.
Result<void> write_lines(int marker) {
    constexpr std::string_view line = "relfence qbuf 1 2 3 4 ffffffff81000000 1234567890 12345\n";
    for (unsigned i = 0; i < lines_of_a_block; ++i)
        if (::write(marker, line.data(), line.size()) < 0)
            return fail_errno("write", "trace_marker");
    return {};
}

}  // namespace

Result<void> measure_toll(const std::string& instance, unsigned rounds) {
    const auto timeline = sync::SwSync::open();
    if (!timeline) return tl::make_unexpected(timeline.error());
    const auto video = v4l2::open_video("vim2m");
    if (!video) return tl::make_unexpected(video.error());
    const auto stream = v4l2::Stream::create(video->get(), V4L2_BUF_TYPE_VIDEO_OUTPUT, 1);
    if (!stream) return tl::make_unexpected(stream.error());
    const auto marker = open_fd(instance + "/trace_marker", O_WRONLY);
    if (!marker) return tl::make_unexpected(marker.error());

    const auto events = [&](const std::string& of) {
        return [=](bool on) { return write_to(instance + "/events/" + of, on ? "1" : "0"); };
    };
    unsigned made = 0;
    bool lines = false;
    const Toll tolls[] = {
        {"fence events", 3 * fences_of_a_block, [&] { return make_fences(*timeline, made); },
         events("dma_fence/enable")},
        {"buffer events", 2 * buffers_of_a_block, [&] { return queue_buffers(*stream); },
         [&](bool on) {
             if (auto ok = events("vb2/vb2_qbuf/enable")(on); !ok) return ok;
             return events("v4l2/v4l2_qbuf/enable")(on);
         }},
        {"lines of the observer", lines_of_a_block,
         [&] { return lines ? write_lines(marker->get()) : Result<void>{}; },
         [&](bool on) {
             lines = on;
             return Result<void>{};
         }}};
    for (const Toll& toll : tolls)
        if (auto ok = measure(toll, rounds); !ok) return ok;
    return {};
}

}  // namespace relfence
