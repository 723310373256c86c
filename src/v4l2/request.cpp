// SPDX-License-Identifier: MIT
#include <linux/media.h>
#include <poll.h>

#include <relfence/v4l2/device.hpp>
#include <relfence/v4l2/request.hpp>

namespace relfence::v4l2 {

Result<Request> Request::allocate(int media) {
    int fd = -1;
    if (auto ok = call(media, MEDIA_IOC_REQUEST_ALLOC, &fd, "MEDIA_IOC_REQUEST_ALLOC"); !ok)
        return tl::make_unexpected(ok.error());
    return Request{fd};
}

Result<void> Request::set_control(int video, std::uint32_t id, void* value,
                                  std::uint32_t size) const {
    v4l2_ext_control control{};
    control.id = id;
    control.size = size;
    control.ptr = value;
    v4l2_ext_controls controls{};
    controls.which = V4L2_CTRL_WHICH_REQUEST_VAL;
    controls.count = 1;
    controls.request_fd = fd();
    controls.controls = &control;
    return call(video, VIDIOC_S_EXT_CTRLS, &controls, "VIDIOC_S_EXT_CTRLS");
}

Result<void> Request::queue() const {
    return call(fd(), MEDIA_REQUEST_IOC_QUEUE, nullptr, "MEDIA_REQUEST_IOC_QUEUE");
}

Result<bool> Request::wait(std::chrono::milliseconds timeout) const {
    pollfd waiting{fd(), POLLPRI, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(timeout.count()));
    if (ready < 0) return fail_errno("poll", "media request");
    return ready > 0;
}

Result<void> Request::reinit() const {
    return call(fd(), MEDIA_REQUEST_IOC_REINIT, nullptr, "MEDIA_REQUEST_IOC_REINIT");
}

}  // namespace relfence::v4l2
