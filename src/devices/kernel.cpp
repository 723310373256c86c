// SPDX-License-Identifier: MIT
#include "devices/kernel.hpp"

#include <fcntl.h>
#include <linux/videodev2.h>
#include <sys/utsname.h>

#include <relfence/dmabuf/allocate.hpp>
#include <relfence/dmabuf/dma_buf.hpp>
#include <relfence/v4l2/device.hpp>

#include "devices/video_devices.hpp"

namespace relfence::devices {
namespace {

constexpr std::size_t any_size = 4096;

/// A buffer of a mem2mem device, for who has no other dma-buf. It is gone with the device's file.
Result<UniqueFd> of_video() {
    for (const VideoDevice& device : list_video().mem2mem) {
        const auto fd = open_mem2mem(device.path);
        if (!fd) continue;
        v4l2_requestbuffers request{};
        request.count = 1;
        request.type = device.capture.type;
        request.memory = V4L2_MEMORY_MMAP;
        v4l2_exportbuffer exported{};
        exported.type = device.capture.type;
        exported.flags = O_RDWR | O_CLOEXEC;
        if (v4l2::call(fd->get(), VIDIOC_REQBUFS, &request, "VIDIOC_REQBUFS") &&
            v4l2::call(fd->get(), VIDIOC_EXPBUF, &exported, "VIDIOC_EXPBUF"))
            return UniqueFd{exported.fd};
    }
    return fail("gives no dma-buf", "video device");
}

}  // namespace

Kernel describe_kernel() {
    Kernel kernel;
    utsname names{};
    if (::uname(&names) == 0) {
        kernel.release = names.release;
        kernel.version = names.version;
        kernel.machine = names.machine;
    }
    const auto try_on = [&kernel](const char* where, const Result<UniqueFd>& buffer) {
        if (kernel.sync_file_ioctls || !buffer) return;
        kernel.tried_on = where;
        kernel.sync_file_ioctls =
            dmabuf::export_sync_file(buffer->get(), dmabuf::Access::read).has_value();
    };
    try_on("udmabuf", dmabuf::allocate_udmabuf(any_size));
    try_on("dma-heap", dmabuf::allocate_heap("system", any_size));
    if (!kernel.sync_file_ioctls) try_on("video device", of_video());
    return kernel;
}

}  // namespace relfence::devices
