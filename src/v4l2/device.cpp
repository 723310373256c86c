// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <fstream>
#include <linux/media.h>
#include <linux/videodev2.h>
#include <string>
#include <sys/ioctl.h>

#include <fmt/format.h>

#include <relfence/v4l2/device.hpp>

namespace relfence::v4l2 {
namespace {

constexpr int device_limit = 64;

}  // namespace

Result<void> call(int fd, unsigned long request, void* argument, std::string_view name) {
    if (::ioctl(fd, request, argument) != 0) return fail_errno(name, "video device");
    return {};
}

Result<UniqueFd> open_video(std::string_view name) {
    for (int i = 0; i < device_limit; ++i) {
        std::string found;
        std::ifstream file{fmt::format("/sys/class/video4linux/video{}/name", i)};
        if (std::getline(file, found) && found.starts_with(name))
            return open_fd(fmt::format("/dev/video{}", i), O_RDWR | O_NONBLOCK);
    }
    return fail("is the name of no video device", name, "does the kernel have it?");
}

Result<UniqueFd> open_media(std::string_view driver) {
    for (int i = 0; i < device_limit; ++i) {
        auto fd = open_fd(fmt::format("/dev/media{}", i), O_RDWR);
        media_device_info info{};
        if (fd && call(fd->get(), MEDIA_IOC_DEVICE_INFO, &info, "MEDIA_IOC_DEVICE_INFO") &&
            driver == info.driver)
            return fd;
    }
    return fail("is the driver of no media device", driver, "does the kernel have it?");
}

namespace {

Format read(const v4l2_format& format) {
    const v4l2_pix_format_mplane& planes = format.fmt.pix_mp;
    const v4l2_pix_format& pixels = format.fmt.pix;
    if (V4L2_TYPE_IS_MULTIPLANAR(format.type))
        return {planes.pixelformat, planes.width, planes.height, planes.plane_fmt[0].sizeimage,
                planes.num_planes};
    return {pixels.pixelformat, pixels.width, pixels.height, pixels.sizeimage, 1};
}

}  // namespace

Result<Format> get_format(int fd, std::uint32_t type) {
    v4l2_format format{};
    format.type = type;
    if (auto ok = call(fd, VIDIOC_G_FMT, &format, "VIDIOC_G_FMT"); !ok)
        return tl::make_unexpected(ok.error());
    return read(format);
}

namespace {

/// @return what the driver made of it
Result<Format> try_for(int fd, std::uint32_t type, const Format& wanted) {
    v4l2_format format{};
    format.type = type;
    if (V4L2_TYPE_IS_MULTIPLANAR(type)) {
        format.fmt.pix_mp.pixelformat = wanted.pixel_format;
        format.fmt.pix_mp.width = wanted.width;
        format.fmt.pix_mp.height = wanted.height;
        format.fmt.pix_mp.num_planes = 1;
        format.fmt.pix_mp.plane_fmt[0].sizeimage = static_cast<std::uint32_t>(wanted.size);
    } else {
        format.fmt.pix.pixelformat = wanted.pixel_format;
        format.fmt.pix.width = wanted.width;
        format.fmt.pix.height = wanted.height;
        format.fmt.pix.sizeimage = static_cast<std::uint32_t>(wanted.size);
    }
    if (auto ok = call(fd, VIDIOC_S_FMT, &format, "VIDIOC_S_FMT"); !ok)
        return tl::make_unexpected(ok.error());
    return read(format);
}

}  // namespace

Result<Format> set_format(int fd, std::uint32_t type, const Format& wanted) {
    const auto made = try_for(fd, type, wanted);
    if (!made) return made;
    const Format& got = *made;
    if (got.pixel_format != wanted.pixel_format || got.width != wanted.width ||
        got.height != wanted.height)
        return fail(fmt::format("made {}x{} of a format of {}x{}", got.width, got.height,
                                wanted.width, wanted.height),
                    "driver");
    if (got.planes != 1) return fail("spreads a picture over several buffers", "driver");
    return got;
}

Result<Format> set_pixel_format(int fd, std::uint32_t type, const Format& wanted) {
    const auto made = try_for(fd, type, wanted);
    if (made && made->pixel_format != wanted.pixel_format)
        return fail("makes another pixel format of the one that was asked for", "driver");
    return made;
}

Result<void> set_control(int fd, std::string_view name, std::int64_t value) {
    v4l2_query_ext_ctrl query{};
    query.id = V4L2_CTRL_FLAG_NEXT_CTRL;
    while (::ioctl(fd, VIDIOC_QUERY_EXT_CTRL, &query) == 0) {
        if (name == query.name) {
            v4l2_ext_control control{};
            control.id = query.id;
            if (query.type == V4L2_CTRL_TYPE_INTEGER64)
                control.value64 = value;
            else
                control.value = static_cast<std::int32_t>(value);
            v4l2_ext_controls controls{};
            controls.which = V4L2_CTRL_WHICH_CUR_VAL;
            controls.count = 1;
            controls.controls = &control;
            return call(fd, VIDIOC_S_EXT_CTRLS, &controls, "VIDIOC_S_EXT_CTRLS");
        }
        query.id |= V4L2_CTRL_FLAG_NEXT_CTRL;
    }
    return fail("is the name of no control", name);
}

}  // namespace relfence::v4l2
