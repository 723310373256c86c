// SPDX-License-Identifier: MIT
// What `relfence trace` looks at, in its tests and measurements: a converter whose frames somebody
// reads, holds or fences, and fences in numbers. Runs in a guest.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <linux/dma-buf.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/ranges.h>

#include <relfence/dmabuf/dma_buf.hpp>
#include <relfence/sync/sw_sync.hpp>
#include <relfence/v4l2/device.hpp>
#include <relfence/v4l2/stream.hpp>

#include "processor_time.hpp"
#include "trace_toll.hpp"

namespace relfence {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

/// At the same time, of those that a measurement makes: a process may have 1024 files.
constexpr std::size_t most_fences = 500;

/// One open file of a driver that turns a picture into another.
struct Converter {
    UniqueFd fd;
    v4l2::Stream input;
    v4l2::Stream frames;

    /// @param driver vim2m, rockchip-rga, or vicodec's stateful-encoder
    /// @param job_ms how long vim2m is to take; a modelled board has its own option for that
    static Result<Converter> open(const std::string& driver, unsigned buffers, int job_ms) {
        const bool planes = driver == "rockchip-rga";
        const auto output = planes ? V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE : V4L2_BUF_TYPE_VIDEO_OUTPUT;
        const auto capture =
            planes ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE : V4L2_BUF_TYPE_VIDEO_CAPTURE;
        // What each driver takes, and its smallest picture.
        v4l2::Format from{V4L2_PIX_FMT_RGB565X, 64, 64};
        if (planes) from = {V4L2_PIX_FMT_NV12, 64, 64};
        if (driver == "stateful-encoder") from = {V4L2_PIX_FMT_YUV420, 640, 368};
        v4l2::Format to = from;
        if (driver == "stateful-encoder") to.pixel_format = V4L2_PIX_FMT_FWHT;
        Converter converter;
        auto fd = v4l2::open_video(driver);
        if (!fd) return tl::make_unexpected(fd.error());
        converter.fd = std::move(*fd);
        for (const auto& [type, format] : {std::pair{output, from}, std::pair{capture, to}}) {
            const auto set = v4l2::set_format(converter.fd.get(), type, format);
            if (!set) return tl::make_unexpected(set.error());
        }
        if (driver == "vim2m") {
            const auto set =
                v4l2::set_control(converter.fd.get(), "Transaction Time (msec)", job_ms);
            if (!set) return tl::make_unexpected(set.error());
        }
        auto input = v4l2::Stream::create(converter.fd.get(), output, buffers);
        if (!input) return tl::make_unexpected(input.error());
        converter.input = std::move(*input);
        auto frames = v4l2::Stream::create(converter.fd.get(), capture, buffers);
        if (!frames) return tl::make_unexpected(frames.error());
        converter.frames = std::move(*frames);
        for (const auto* stream : {&converter.input, &converter.frames})
            if (auto ok = stream->on(); !ok) return tl::make_unexpected(ok.error());
        return converter;
    }
    [[nodiscard]] Result<void> submit(unsigned buffer) const {
        if (auto ok = frames.queue(buffer, {}); !ok) return ok;
        return input.queue(buffer, {.used = input.memory(buffer).size()});
    }
    [[nodiscard]] Result<void> finish() const {
        for (const auto* stream : {&frames, &input})
            if (const auto done = stream->dequeue(); !done)
                return tl::make_unexpected(done.error());
        return {};
    }
};

Result<void> synchronize(int dma_buf, std::uint64_t flags) {
    dma_buf_sync sync{flags};
    return v4l2::call(dma_buf, DMA_BUF_IOCTL_SYNC, &sync, "DMA_BUF_IOCTL_SYNC");
}

bool finished(const Converter& converter) {
    pollfd ask{converter.fd.get(), POLLIN, 0};
    return poll(&ask, 1, 0) > 0;
}

/// Reads each frame as soon as the kernel lets it, in the middle of the job if nothing is in the
/// way and the machine is not too slow.
/// @return those frames, from 1, that the driver was certainly still at when they had been read
Result<std::vector<unsigned>> read_frames(const Converter& converter, unsigned count) {
    std::vector<unsigned> too_early;
    for (unsigned frame = 0; frame < count; ++frame) {
        const unsigned buffer = frame % converter.frames.size();
        if (auto ok = converter.submit(buffer); !ok) return tl::make_unexpected(ok.error());
        const int dma_buf = converter.frames.dma_buf(buffer);
        if (auto ok = synchronize(dma_buf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ); !ok)
            return tl::make_unexpected(ok.error());
        [[maybe_unused]] const volatile auto pixel = converter.frames.memory(buffer)[0];
        if (auto ok = synchronize(dma_buf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ); !ok)
            return tl::make_unexpected(ok.error());
        if (!finished(converter)) too_early.push_back(frame + 1);
        if (auto ok = converter.finish(); !ok) return tl::make_unexpected(ok.error());
    }
    return too_early;
}

/// Keeps all frames for a while, with work waiting.
Result<void> hold_frames(const Converter& converter) {
    const unsigned pool = converter.frames.size();
    for (unsigned buffer = 0; buffer < pool; ++buffer)
        if (auto ok = converter.submit(buffer); !ok) return ok;
    for (unsigned buffer = 0; buffer < pool; ++buffer)
        if (auto ok = converter.finish(); !ok) return ok;
    if (auto ok = converter.input.queue(0, {.used = converter.input.memory(0).size()}); !ok)
        return ok;
    // How long is what the trace has to say.
    std::this_thread::sleep_for(60ms);
    if (auto ok = converter.frames.queue(0, {}); !ok) return ok;
    return converter.finish();
}

/// Queues a frame again while a reader's fence is on it.
Result<void> fence_frames(const Converter& converter) {
    if (auto ok = converter.submit(0); !ok) return ok;
    if (auto ok = converter.finish(); !ok) return ok;
    const auto timeline = sync::SwSync::open();
    if (!timeline) return tl::make_unexpected(timeline.error());
    const auto fence = timeline->fence_at(1, "reader");
    if (!fence) return tl::make_unexpected(fence.error());
    auto put = dmabuf::import_sync_file(converter.frames.dma_buf(0), *fence, dmabuf::Access::read);
    if (!put) return put;
    if (auto ok = converter.submit(0); !ok) return ok;
    std::this_thread::sleep_for(5ms);
    if (auto ok = timeline->advance(1); !ok) return ok;
    return converter.finish();
}

/// Makes and signals fences at a rate.
Result<void> make_fences(unsigned rate, unsigned seconds) {
    const auto timeline = sync::SwSync::open();
    if (!timeline) return tl::make_unexpected(timeline.error());
    const auto begin = Clock::now();
    const std::uint64_t all = std::uint64_t{rate} * seconds;
    for (std::uint64_t made = 0; made < all;) {
        std::this_thread::sleep_until(begin +
                                      std::chrono::nanoseconds{made * 1'000'000'000 / rate});
        // A few at a time: a kernel that ticks 100 times a second cannot wake more often.
        const auto due = static_cast<std::uint64_t>(
            std::chrono::duration<double>(Clock::now() - begin).count() * rate);
        std::vector<sync::SyncFile> fences;
        for (; made < std::min(due + 1, all) && fences.size() < most_fences; ++made) {
            auto fence = timeline->fence_at(static_cast<unsigned>(made) + 1, "one");
            if (!fence) return tl::make_unexpected(fence.error());
            fences.push_back(std::move(*fence));
        }
        if (auto ok = timeline->advance(static_cast<unsigned>(fences.size())); !ok) return ok;
    }
    const double took = std::chrono::duration<double>(Clock::now() - begin).count();
    std::printf("%.0f fences/s\n", static_cast<double>(all) / took);
    return {};
}

/// Plays on several queues at a rate of frames, as a video wall does. Tells where the processor's
/// time went after the first two seconds, in which programs are still being read from the disk.
Result<void> play(const std::string& driver, unsigned queues, unsigned rate, unsigned seconds) {
    std::vector<Converter> converters;
    for (unsigned queue = 0; queue < queues; ++queue) {
        auto converter = Converter::open(driver, 3, 1);
        if (!converter) return tl::make_unexpected(converter.error());
        converters.push_back(std::move(*converter));
    }
    const auto begin = Clock::now();
    const unsigned all = rate * seconds;
    Result<ProcessorTime> time = ProcessorTime{};
    for (unsigned frame = 0; frame < all; ++frame) {
        if (frame == 2 * rate) time = ProcessorTime::begin();
        if (!time) return tl::make_unexpected(time.error());
        for (const Converter& converter : converters)
            if (auto ok = converter.submit(frame % 3); !ok) return ok;
        for (const Converter& converter : converters)
            if (auto ok = converter.finish(); !ok) return ok;
        std::this_thread::sleep_until(
            begin + std::chrono::nanoseconds{(frame + 1) * 1'000'000'000ULL / rate});
    }
    const double took = std::chrono::duration<double>(Clock::now() - begin).count();
    const auto shares = time->so_far();
    if (!shares) return tl::make_unexpected(shares.error());
    std::printf(
        "{\"frames_per_second\":%.2f,\"queues\":%u,\"busy\":%.6f,\"player\":%.6f,"
        "\"parent\":%.6f}\n",
        all / took, queues, shares->busy, shares->own, shares->parent);
    return {};
}

unsigned number(const std::vector<std::string>& words, std::size_t at, unsigned fallback) {
    return at < words.size() ? static_cast<unsigned>(std::atoi(words[at].c_str())) : fallback;
}

Result<void> act(const std::vector<std::string>& words) {
    const std::string action = words.empty() ? "" : words[0];
    const std::string driver = words.size() > 1 ? words[1] : "vim2m";
    if (action == "fences") return make_fences(number(words, 1, 10'000), number(words, 2, 5));
    if (action == "toll")
        return measure_toll(words.size() > 1 ? words[1] : "", number(words, 2, 50));
    if (action == "play")
        return play(driver, number(words, 2, 4), number(words, 3, 60), number(words, 4, 10));
    auto converter = Converter::open(driver, 2, 30);
    if (!converter) return tl::make_unexpected(converter.error());
    if (action == "read") {
        const auto too_early = read_frames(*converter, number(words, 2, 12));
        if (!too_early) return tl::make_unexpected(too_early.error());
        if (words.size() > 3)
            std::ofstream{words[3]} << fmt::format("[{}]\n", fmt::join(*too_early, ","));
        return {};
    }
    if (action == "hold") return hold_frames(*converter);
    if (action == "fence") return fence_frames(*converter);
    return fail("is no action: read, hold, fence, play, fences or toll", action);
}

}  // namespace
}  // namespace relfence

int main(int argc, char** argv) {
    const auto done = relfence::act({argv + 1, argv + argc});
    if (done) return 0;
    std::fprintf(stderr, "trace-client: %s\n", done.error().message().c_str());
    return 2;
}
