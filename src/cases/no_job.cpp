// SPDX-License-Identifier: MIT
// starved-output and held-capture: the driver owns a CAPTURE buffer, but no job is under way that
// will return it. A fence would wait for userspace, which dma-fence forbids.
#include <algorithm>
#include <chrono>
#include <functional>
#include <linux/videodev2.h>

#include <fmt/format.h>

#include <relfence/dmabuf/dma_buf.hpp>
#include <relfence/v4l2/device.hpp>
#include <relfence/v4l2/request.hpp>
#include <relfence/v4l2/stream.hpp>

#include "cases/case.hpp"
#include "cases/one_job.hpp"
#include "cases/seen.hpp"
#include "players/hantro_fields.hpp"
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
constexpr auto no_job_time = 200ms;

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

/// Two jobs that write one CAPTURE buffer, which is queued already.
/// @param submit hands the driver the next job
Result<std::string> hold(const v4l2::Stream& output, const v4l2::Stream& capture, int frame,
                         const std::function<Result<void>()>& submit) {
    if (auto ok = submit(); !ok) return tl::make_unexpected(ok.error());
    const auto first = look(frame);
    if (!first) return tl::make_unexpected(first.error());
    const auto over = output.ready(0ms);
    if (!over) return tl::make_unexpected(over.error());
    if (*over) return fail("ended before it was looked at", "first job");
    // The job is over when its OUTPUT buffer comes back; the CAPTURE buffer must not.
    if (auto ok = output.dequeue(); !ok) return tl::make_unexpected(ok.error());
    const auto returned = capture.ready(50ms);
    if (!returned) return tl::make_unexpected(returned.error());
    if (*returned) return std::string{"the buffer was not held"};
    const auto held = look(frame);
    if (!held) return tl::make_unexpected(held.error());

    if (auto ok = submit(); !ok) return tl::make_unexpected(ok.error());
    const auto last_file = dmabuf::export_sync_file(frame, dmabuf::Access::read);
    if (!last_file) return tl::make_unexpected(last_file.error());
    const auto last = last_file->fences();
    if (!last) return tl::make_unexpected(last.error());
    if (auto ok = capture.dequeue(); !ok) return tl::make_unexpected(ok.error());
    const auto after = last_file->fences();
    if (!after) return tl::make_unexpected(after.error());
    if (!sync::is_stub(*held)) return fmt::format("{} without a job", describe(*held));
    if (!sync::is_stub(*first)) return fmt::format("{} during the first job", describe(*first));
    if (sync::is_stub(*last)) return describe(*last);
    return fmt::format("{} with the last job; at DQBUF {}", describe(*last), state(*after));
}

/// Two slices of a frame.
Result<std::string> hold_slices() {
    auto queues = open_queues("visl", 2);
    if (!queues) return tl::make_unexpected(queues.error());
    const auto media = v4l2::open_media("visl");
    if (!media) return tl::make_unexpected(media.error());
    const auto slow = players::JobTime::set("visl", no_job_time);
    if (!slow) return tl::make_unexpected(slow.error());
    std::vector<v4l2::Request> requests;
    const auto submit_slice = [&]() -> Result<void> {
        const auto index = static_cast<unsigned>(requests.size());
        auto request = v4l2::Request::allocate(media->get());
        if (!request) return tl::make_unexpected(request.error());
        if (auto ok = players::set_visl_frame(queues->video.get(), *request); !ok) return ok;
        if (auto ok = queues->output.queue(
                index,
                {.used = 1, .request = request->fd(), .timestamp = 7, .hold_capture = index == 0});
            !ok)
            return ok;
        if (auto ok = request->queue(); !ok) return ok;
        requests.push_back(std::move(*request));
        return {};
    };
    if (auto ok = queues->capture.queue(0, {}); !ok) return tl::make_unexpected(ok.error());
    return hold(queues->output, queues->capture, queues->capture.dma_buf(0), submit_slice);
}

/// Both fields of a frame, with nobody looking. @return the frame
Result<std::vector<std::uint8_t>> decode_fields(players::HantroFields& player, unsigned frame) {
    if (auto ok = player.queue_frame(frame); !ok) return tl::make_unexpected(ok.error());
    for (int i = 0; i < 2; ++i)
        if (auto ok = player.submit_field(); !ok) return tl::make_unexpected(ok.error());
    const auto done = player.frames().dequeue();
    if (!done) return tl::make_unexpected(done.error());
    if (done->error) return fail("could not be decoded", "frame of two fields");
    for (int i = 0; i < 2; ++i)
        if (auto ok = player.coded().dequeue(); !ok) return tl::make_unexpected(ok.error());
    const auto pixels = player.frames().memory(frame);
    return std::vector<std::uint8_t>{pixels.begin(), pixels.end()};
}

/// Two fields of a frame, of which the second is predicted from the first.
Result<std::string> hold_fields() {
    auto player = players::HantroFields::open();
    if (!player) return tl::make_unexpected(player.error());
    if (auto first = decode_fields(*player, 0); !first) return tl::make_unexpected(first.error());
    const auto right = decode_fields(*player, 1);
    if (!right) return tl::make_unexpected(right.error());
    if (auto ok = player->rewind(); !ok) return tl::make_unexpected(ok.error());
    if (auto again = decode_fields(*player, 0); !again) return tl::make_unexpected(again.error());
    const auto pixels = player->frames().memory(1);
    std::ranges::fill(pixels, std::uint8_t{0});
    players::let_driver_go_idle();
    if (auto ok = player->queue_frame(1); !ok) return tl::make_unexpected(ok.error());
    auto seen = hold(player->coded(), player->frames(), player->frames().dma_buf(1),
                     [&] { return player->submit_field(); });
    if (seen && !std::ranges::equal(pixels, *right)) return *seen + "; the frame differs";
    return seen;
}

}  // namespace

Outcome starved_output(const Setup& setup) {
    return Outcome::of(starve(setup.driver));
}

Outcome held_capture(const Setup& setup) {
    return Outcome::of(setup.driver == "visl" ? hold_slices() : hold_fields());
}

}  // namespace relfence::cases
