// SPDX-License-Identifier: MIT
#include "players/hantro_device.hpp"

#include <fcntl.h>
#include <filesystem>
#include <linux/videodev2.h>
#include <string_view>

#include <relfence/v4l2/device.hpp>

namespace relfence::players {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view driver = "hantro-vpu";

bool decodes(int video, std::uint32_t coded) {
    v4l2_capability capability{};
    if (!v4l2::call(video, VIDIOC_QUERYCAP, &capability, "VIDIOC_QUERYCAP")) return false;
    if (driver != reinterpret_cast<const char*>(capability.driver)) return false;
    v4l2_fmtdesc format{};
    format.type = V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE;
    for (; v4l2::call(video, VIDIOC_ENUM_FMT, &format, "VIDIOC_ENUM_FMT"); ++format.index)
        if (format.pixelformat == coded) return true;
    return false;
}

/// Opens the device node of each entry of a folder of sysfs in turn. @return the first wanted one
template <typename Wanted>
UniqueFd open_first(const fs::path& folder, Wanted wanted) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator{folder, error}) {
        auto fd = open_fd("/dev/" + entry.path().filename().string(), O_RDWR | O_NONBLOCK);
        if (fd && wanted(entry.path(), fd->get())) return std::move(*fd);
    }
    return UniqueFd{};
}

}  // namespace

Result<HantroDevice> open_hantro_decoder(std::uint32_t coded) {
    HantroDevice device;
    fs::path hardware;
    std::error_code error;
    device.video = open_first("/sys/class/video4linux", [&](const fs::path& entry, int fd) {
        if (!decodes(fd, coded)) return false;
        hardware = fs::canonical(entry / "device", error);
        return true;
    });
    if (!device.video.valid())
        return fail("decodes that nowhere", driver, "does the kernel have it, and the board?");
    device.media = open_first("/sys/bus/media/devices", [&](const fs::path& entry, int) {
        return fs::canonical(entry, error).parent_path() == hardware;
    });
    if (!device.media.valid()) return fail("has no media device", hardware.string());
    return device;
}

}  // namespace relfence::players
