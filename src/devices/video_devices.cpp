// SPDX-License-Identifier: MIT
#include "devices/video_devices.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <fcntl.h>
#include <filesystem>
#include <linux/videodev2.h>
#include <map>
#include <string_view>
#include <sys/stat.h>

#include <fmt/format.h>

#include <relfence/v4l2/device.hpp>

namespace relfence::devices {
namespace {

namespace fs = std::filesystem;

/// The text in a field that the kernel need not have terminated.
template <std::size_t size>
std::string text_of(const __u8 (&field)[size]) {
    const std::string_view all{reinterpret_cast<const char*>(field), size};
    return std::string{all.substr(0, all.find('\0'))};
}

/// What a device node can do itself, not its driver's other nodes.
std::uint32_t capabilities_of(const v4l2_capability& capability) {
    return (capability.capabilities & V4L2_CAP_DEVICE_CAPS) != 0 ? capability.device_caps
                                                                 : capability.capabilities;
}

Result<v4l2_capability> query(int fd, const std::string& path) {
    v4l2_capability capability{};
    if (!v4l2::call(fd, VIDIOC_QUERYCAP, &capability, "VIDIOC_QUERYCAP"))
        return fail("is no video device", path, "relfence list names those that are");
    return capability;
}

bool is_mem2mem(std::uint32_t capabilities) {
    return (capabilities & (V4L2_CAP_VIDEO_M2M | V4L2_CAP_VIDEO_M2M_MPLANE)) != 0;
}

VideoQueue describe_queue(int fd, std::uint32_t type) {
    VideoQueue queue;
    queue.type = type;
    v4l2_fmtdesc format{};
    format.type = type;
    for (; v4l2::call(fd, VIDIOC_ENUM_FMT, &format, "VIDIOC_ENUM_FMT"); ++format.index)
        queue.formats.push_back({format.pixelformat, text_of(format.description),
                                 (format.flags & V4L2_FMT_FLAG_COMPRESSED) != 0});
    // No buffers at all: what is asked for is how they could be.
    v4l2_requestbuffers none{};
    none.type = type;
    none.memory = V4L2_MEMORY_MMAP;
    if (v4l2::call(fd, VIDIOC_REQBUFS, &none, "VIDIOC_REQBUFS"))
        queue.buffer_capabilities = none.capabilities;
    return queue;
}

/// A decoder that parses nothing itself takes what it needs from controls of a media request.
bool is_stateless(int fd) {
    v4l2_query_ext_ctrl control{};
    control.id =
        V4L2_CID_CODEC_STATELESS_BASE | V4L2_CTRL_FLAG_NEXT_CTRL | V4L2_CTRL_FLAG_NEXT_COMPOUND;
    return v4l2::call(fd, VIDIOC_QUERY_EXT_CTRL, &control, "VIDIOC_QUERY_EXT_CTRL") &&
           V4L2_CTRL_ID2CLASS(control.id) == V4L2_CTRL_CLASS_CODEC_STATELESS;
}

Role role_of(int fd, const VideoDevice& device) {
    const auto coded = [](const VideoQueue& queue) {
        return std::ranges::any_of(queue.formats, &VideoFormat::compressed);
    };
    if (coded(device.output))
        return is_stateless(fd) ? Role::stateless_decoder : Role::stateful_decoder;
    return coded(device.capture) ? Role::encoder : Role::converter;
}

Result<VideoDevice> describe(int fd, const std::string& path) {
    const auto capability = query(fd, path);
    if (!capability) return tl::make_unexpected(capability.error());
    VideoDevice device;
    device.path = path;
    device.driver = text_of(capability->driver);
    device.card = text_of(capability->card);
    device.bus = text_of(capability->bus_info);
    const bool planar = (capabilities_of(*capability) & V4L2_CAP_VIDEO_M2M_MPLANE) != 0;
    device.output =
        describe_queue(fd, planar ? V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE : V4L2_BUF_TYPE_VIDEO_OUTPUT);
    device.capture = describe_queue(
        fd, planar ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE : V4L2_BUF_TYPE_VIDEO_CAPTURE);
    device.role = role_of(fd, device);
    device.media = media_of(path);
    return device;
}

}  // namespace

std::string_view name_of(Role role) {
    switch (role) {
        case Role::stateless_decoder:
            return "stateless decoder";
        case Role::stateful_decoder:
            return "stateful decoder";
        case Role::encoder:
            return "encoder";
        case Role::converter:
            break;
    }
    return "converter";
}

Error busy_error(const std::string& path) {
    return {EBUSY, "use", path, fmt::format("another program has it: fuser -v {} names it", path)};
}

Result<UniqueFd> open_mem2mem(const std::string& path) {
    auto fd = open_fd(path, O_RDWR | O_NONBLOCK);
    if (!fd) {
        switch (fd.error().code) {
            case EACCES:
            case EPERM:
                return fail("is not yours to open", path,
                            "join the group that owns it, often 'video', or run as root");
            case EBUSY:
                return tl::make_unexpected(busy_error(path));
            case ENODEV:
            case ENXIO:
                return fail("has no driver any more", path);
            case ENOENT:
                return fail("is not there", path, "relfence list names what is");
            default:
                return fd;
        }
    }
    const auto capability = query(fd->get(), path);
    if (!capability) return tl::make_unexpected(capability.error());
    if (!is_mem2mem(capabilities_of(*capability)))
        return fail("is not a mem2mem device", path, "relfence list names those that are");
    return fd;
}

Result<VideoDevice> describe_video(const std::string& path) {
    const auto fd = open_mem2mem(path);
    if (!fd) return tl::make_unexpected(fd.error());
    return describe(fd->get(), path);
}

VideoDevices list_video() {
    std::map<int, std::string> nodes;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator{"/sys/class/video4linux", error}) {
        const std::string name = entry.path().filename();
        constexpr std::string_view prefix = "video";
        int number = 0;
        if (name.starts_with(prefix) &&
            std::from_chars(name.data() + prefix.size(), name.data() + name.size(), number).ec ==
                std::errc{})
            nodes[number] = "/dev/" + name;
    }
    VideoDevices all;
    for (const auto& [number, path] : nodes) {
        const auto fd = open_fd(path, O_RDWR | O_NONBLOCK);
        if (!fd) {
            const auto why = open_mem2mem(path);
            all.unreadable.push_back({path, why ? fd.error() : why.error()});
            continue;
        }
        const auto capability = query(fd->get(), path);
        if (!capability) {
            all.unreadable.push_back({path, capability.error()});
        } else if (!is_mem2mem(capabilities_of(*capability))) {
            all.others.push_back(path);
        } else if (auto device = describe(fd->get(), path)) {
            all.mem2mem.push_back(std::move(*device));
        } else {
            all.unreadable.push_back({path, device.error()});
        }
    }
    return all;
}

std::string media_of(const std::string& path) {
    std::error_code error;
    const fs::path video = fs::canonical(
        fs::path{"/sys/class/video4linux"} / fs::path{path}.filename() / "device", error);
    if (error) return {};
    for (const auto& entry : fs::directory_iterator{"/sys/bus/media/devices", error})
        if (fs::canonical(entry.path(), error).parent_path() == video)
            return "/dev/" + entry.path().filename().string();
    return {};
}

std::string fourcc_text(std::uint32_t fourcc) {
    std::string text;
    for (unsigned shift = 0; shift < 32; shift += 8) {
        const auto byte = static_cast<char>((fourcc >> shift) & 0x7f);
        text += std::isprint(static_cast<unsigned char>(byte)) != 0 ? byte : '.';
    }
    while (text.ends_with(' ')) text.pop_back();
    return (fourcc >> 31) != 0 ? text + "-BE" : text;
}

}  // namespace relfence::devices
