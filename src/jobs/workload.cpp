// SPDX-License-Identifier: MIT
#include "jobs/workload.hpp"

#include <algorithm>
#include <cctype>
#include <fcntl.h>
#include <optional>

#include <fmt/format.h>

#include "jobs/coded_streams.hpp"
#include "jobs/converter.hpp"
#include "jobs/fwht_frames.hpp"
#include "jobs/h264_frames.hpp"
#include "jobs/mpeg2_frames.hpp"
#include "jobs/stateful_decoder.hpp"
#include "jobs/stateless_decoder.hpp"
#include "jobs/vp8_frames.hpp"

namespace relfence::jobs {
namespace {

using devices::Role;

/// Raw formats of one plane, the usual ones first.
constexpr std::uint32_t usual_raw[] = {
    V4L2_PIX_FMT_NV12,   V4L2_PIX_FMT_YUV420, V4L2_PIX_FMT_YUYV,    V4L2_PIX_FMT_UYVY,
    V4L2_PIX_FMT_XBGR32, V4L2_PIX_FMT_RGB24,  V4L2_PIX_FMT_RGB565X, V4L2_PIX_FMT_RGB565};

/// A codec whose streams are made here.
struct Codec {
    std::uint32_t format;
    const char* stream;
    std::unique_ptr<FrameSource> (*frames)(unsigned width, unsigned height);
};
constexpr Codec stateless_codecs[] = {
    {V4L2_PIX_FMT_FWHT_STATELESS, "fwht", fwht_frames},
    {V4L2_PIX_FMT_VP8_FRAME, "vp8", vp8_frames},
    {V4L2_PIX_FMT_H264_SLICE, "h264", h264_frames},
    {V4L2_PIX_FMT_MPEG2_SLICE, "mpeg2", mpeg2_frames},
};

bool has(const devices::VideoQueue& queue, std::uint32_t format) {
    return std::ranges::find(queue.formats, format, &devices::VideoFormat::fourcc) !=
           queue.formats.end();
}

std::optional<std::uint32_t> raw_of(const devices::VideoQueue& queue) {
    for (const std::uint32_t format : usual_raw)
        if (has(queue, format)) return format;
    return std::nullopt;
}

bool known(const std::vector<Workload>& workloads, std::string_view stream) {
    return std::ranges::find(workloads, stream, &Workload::stream) != workloads.end();
}

std::string lower(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

Result<UniqueFd> open_media_of(const Workload& workload) {
    if (workload.media.empty())
        return fail("has no media device for requests", workload.device,
                    "is the kernel's CONFIG_MEDIA_CONTROLLER_REQUEST_API on?");
    return open_fd(workload.media, O_RDWR);
}

Result<std::unique_ptr<QueuePair>> open_stateless_of(const Workload& workload, unsigned depth,
                                                     const Memory& memory, PictureSize size) {
    auto video = devices::open_mem2mem(workload.device);
    if (!video) return tl::make_unexpected(video.error());
    auto media = open_media_of(workload);
    if (!media) return tl::make_unexpected(media.error());
    const auto* const codec = std::ranges::find(stateless_codecs, workload.from, &Codec::format);
    return open_stateless({std::move(*video), std::move(*media), workload.device,
                           V4L2_TYPE_IS_MULTIPLANAR(workload.output)},
                          codec->frames(size.width, size.height), depth, memory);
}

Result<std::unique_ptr<QueuePair>> open_stateful_of(const Workload& workload, unsigned depth,
                                                    const Memory& memory, PictureSize size) {
    const auto codec = std::ranges::find(stateful_codecs(), workload.from, &StatefulCodec::format);
    CodedStream stream;
    stream.coded_format = workload.from;
    stream.raw_format = workload.to;
    stream.width = size.width;
    stream.height = size.height;
    stream.frame = [size, frame = codec->frame](unsigned index) {
        return frame(size.width, size.height, index);
    };
    stream.fixed = true;
    stream.broken_frame = [size, broken = codec->broken](unsigned index) {
        return broken(size.width, size.height, index);
    };
    return open_stateful([path = workload.device] { return devices::open_mem2mem(path); },
                         workload.device, V4L2_TYPE_IS_MULTIPLANAR(workload.output),
                         std::move(stream), depth, memory);
}

Result<std::unique_ptr<QueuePair>> open_as_its_role(const Workload& workload, unsigned depth,
                                                    const Memory& memory, PictureSize size) {
    switch (workload.role) {
        case Role::stateless_decoder:
            return open_stateless_of(workload, depth, memory, size);
        case Role::stateful_decoder:
            return open_stateful_of(workload, depth, memory, size);
        default:
            break;
    }
    auto video = devices::open_mem2mem(workload.device);
    if (!video) return tl::make_unexpected(video.error());
    return open_converter(std::move(*video), workload.device,
                          {workload.output, workload.capture, workload.from, workload.to,
                           size.width, size.height, workload.role == Role::encoder},
                          depth, memory);
}

}  // namespace

std::vector<Workload> workloads_of(const devices::VideoDevice& device) {
    Workload common;
    common.device = device.path;
    common.driver = device.driver;
    common.role = device.role;
    common.output = static_cast<v4l2_buf_type>(device.output.type);
    common.capture = static_cast<v4l2_buf_type>(device.capture.type);
    common.media = device.media;
    std::vector<Workload> all;
    const auto add = [&](std::string stream, std::uint32_t from, std::uint32_t to) {
        all.push_back(common);
        all.back().stream = std::move(stream);
        all.back().from = from;
        all.back().to = to;
    };
    const auto from = raw_of(device.output);
    const auto to = raw_of(device.capture);
    switch (device.role) {
        case Role::stateless_decoder:
            for (const Codec& codec : stateless_codecs)
                if (has(device.output, codec.format)) add(codec.stream, codec.format, 0);
            break;
        case Role::stateful_decoder:
            for (const StatefulCodec& codec : stateful_codecs())
                if (to && has(device.output, codec.format) && !known(all, codec.stream))
                    add(codec.stream, codec.format, *to);
            break;
        case Role::encoder:
            for (const auto& coded : device.capture.formats)
                if (from && coded.compressed)
                    add("raw-to-" + lower(devices::fourcc_text(coded.fourcc)), *from, coded.fourcc);
            break;
        case Role::converter:
            if (from && to) add("raw", *from, has(device.capture, *from) ? *from : *to);
            break;
    }
    return all;
}

Result<std::unique_ptr<QueuePair>> open_workload(const Workload& workload, unsigned depth,
                                                 const Memory& memory, PictureSize size) {
    auto opened = open_as_its_role(workload, depth, memory, size);
    if (opened || opened.error().code != EBUSY) return opened;
    return tl::make_unexpected(devices::busy_error(workload.device));
}

}  // namespace relfence::jobs
