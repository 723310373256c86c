// SPDX-License-Identifier: MIT
// starved-output and held-capture: the driver owns a CAPTURE buffer, but no job is under way that
// will return it. A fence would wait for userspace, which dma-fence forbids.
#include <chrono>
#include <cstring>
#include <linux/videodev2.h>
#include <thread>

#include <fmt/format.h>

#include <relfence/dmabuf/dma_buf.hpp>
#include <relfence/v4l2/device.hpp>
#include <relfence/v4l2/request.hpp>
#include <relfence/v4l2/stream.hpp>

#include "cases/case.hpp"
#include "cases/one_job.hpp"
#include "cases/seen.hpp"
#include "players/memory.hpp"
#include "players/player.hpp"
#include "players/visl_setup.hpp"

namespace relfence::cases {
namespace {

using namespace std::chrono_literals;
using players::Memory;

/// How long a fence may stay active without a job before it is called unbounded. Whoever waits for
/// it cannot tell this from for ever.
constexpr auto too_long = 1s;
constexpr auto job_time = 200ms;

/// The case needs a fence at QBUF, if there is one: v1 attaches to imported buffers, and survives
/// it where somebody had a fence before.
constexpr Memory imported_memory{.source = Memory::Source::udmabuf, .used_before = true};

/// Both queues of a device, which stream.
struct Queues {
    UniqueFd video;
    v4l2::Stream output;
    v4l2::Stream capture;
};

Result<Queues> open_queues(std::string_view driver, unsigned outputs) {
    auto video = v4l2::open_video(driver);
    if (!video) return tl::make_unexpected(video.error());
    Queues queues;
    queues.video = std::move(*video);
    const int fd = queues.video.get();
    const bool planar = driver != "vim2m";
    std::size_t size = 0;
    if (driver == "visl") {
        const auto bytes = players::set_visl_formats(fd);
        if (!bytes) return tl::make_unexpected(bytes.error());
        size = *bytes;
    } else {
        const auto format = v4l2::get_format(
            fd, planar ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE : V4L2_BUF_TYPE_VIDEO_CAPTURE);
        if (!format) return tl::make_unexpected(format.error());
        size = format->size;
    }
    auto output = v4l2::Stream::create(
        fd, planar ? V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE : V4L2_BUF_TYPE_VIDEO_OUTPUT, outputs);
    if (!output) return tl::make_unexpected(output.error());
    queues.output = std::move(*output);
    auto capture = players::make_capture(
        fd, planar ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE : V4L2_BUF_TYPE_VIDEO_CAPTURE, 1,
        imported_memory, size);
    if (!capture) return tl::make_unexpected(capture.error());
    queues.capture = std::move(*capture);
    for (const v4l2::Stream* stream : {&queues.output, &queues.capture})
        if (auto ok = stream->on(); !ok) return tl::make_unexpected(ok.error());
    return queues;
}

Result<std::string> starve(const std::string& driver) {
    auto queues = open_queues(driver, 1);
    if (!queues) return tl::make_unexpected(queues.error());
    if (auto ok = queues->capture.queue(0, {}); !ok) return tl::make_unexpected(ok.error());
    const auto file = dmabuf::export_sync_file(queues->capture.dma_buf(0), dmabuf::Access::read);
    if (!file) return tl::make_unexpected(file.error());
    const auto fences = file->fences();
    if (!fences) return tl::make_unexpected(fences.error());
    if (sync::is_stub(*fences)) return std::string{"no fence"};
    const auto signalled = file->wait(too_long);
    if (!signalled) return tl::make_unexpected(signalled.error());
    if (*signalled) return fmt::format("{}, which signals", whose(*fences));
    return fmt::format("{}, active without a job", whose(*fences));
}

/// Two slices of one frame: a job each, one CAPTURE buffer for both.
Result<std::string> hold() {
    auto queues = open_queues("visl", 2);
    if (!queues) return tl::make_unexpected(queues.error());
    const auto media = v4l2::open_media("visl");
    if (!media) return tl::make_unexpected(media.error());
    const auto slow = players::JobTime::set("visl", job_time);
    if (!slow) return tl::make_unexpected(slow.error());
    std::vector<v4l2::Request> requests;
    const auto submit_slice = [&](unsigned index, bool more) -> Result<void> {
        auto request = v4l2::Request::allocate(media->get());
        if (!request) return tl::make_unexpected(request.error());
        if (auto ok = players::set_visl_frame(queues->video.get(), *request); !ok) return ok;
        if (auto ok = queues->output.queue(
                index, {.used = 1, .request = request->fd(), .timestamp = 7, .hold_capture = more});
            !ok)
            return ok;
        if (auto ok = request->queue(); !ok) return ok;
        requests.push_back(std::move(*request));
        return {};
    };
    const int frame = queues->capture.dma_buf(0);
    if (auto ok = queues->capture.queue(0, {}); !ok) return tl::make_unexpected(ok.error());

    if (auto ok = submit_slice(0, true); !ok) return tl::make_unexpected(ok.error());
    const auto first = look(frame);
    if (!first) return tl::make_unexpected(first.error());
    const auto over = queues->output.ready(0ms);
    if (!over) return tl::make_unexpected(over.error());
    if (*over) return fail("ended before it was looked at", "first slice");
    // The job is over when its OUTPUT buffer comes back; the CAPTURE buffer must not.
    if (auto ok = queues->output.dequeue(); !ok) return tl::make_unexpected(ok.error());
    const auto returned = queues->capture.ready(50ms);
    if (!returned) return tl::make_unexpected(returned.error());
    if (*returned) return std::string{"the buffer was not held"};
    const auto held = look(frame);
    if (!held) return tl::make_unexpected(held.error());

    if (auto ok = submit_slice(1, false); !ok) return tl::make_unexpected(ok.error());
    const auto last_file = dmabuf::export_sync_file(frame, dmabuf::Access::read);
    if (!last_file) return tl::make_unexpected(last_file.error());
    const auto last = last_file->fences();
    if (!last) return tl::make_unexpected(last.error());
    if (auto ok = queues->capture.dequeue(); !ok) return tl::make_unexpected(ok.error());
    const auto after = last_file->fences();
    if (!after) return tl::make_unexpected(after.error());
    if (!sync::is_stub(*held)) return fmt::format("{} without a job", describe(*held));
    if (!sync::is_stub(*first)) return fmt::format("{} during the first slice", describe(*first));
    if (sync::is_stub(*last)) return describe(*last);
    return fmt::format("{} with the last slice; at DQBUF {}", describe(*last), state(*after));
}

}  // namespace

Outcome starved_output(const Setup& setup) {
    return Outcome::of(starve(setup.driver));
}

Outcome held_capture(const Setup&) {
    return Outcome::of(hold());
}

}  // namespace relfence::cases
