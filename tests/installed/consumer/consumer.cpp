// SPDX-License-Identifier: MIT
// A program of somebody else's: something of each public folder, so that all of it is linked.
#include <cstdio>
#include <fcntl.h>

#include <relfence/base/statistics.hpp>
#include <relfence/base/unique_fd.hpp>
#include <relfence/dmabuf/allocate.hpp>
#include <relfence/dmabuf/dma_buf.hpp>
#include <relfence/kms/device.hpp>
#include <relfence/sync/sw_sync.hpp>
#include <relfence/v4l2/device.hpp>
#include <relfence/v4l2/request.hpp>
#include <relfence/v4l2/stream.hpp>

int main() {
    using namespace relfence;
    // None of these can be had from such a place: what is looked at is that each says so.
    const auto null = open_fd("/dev/null", O_RDWR);
    if (!null || quantile({1, 3}, 0.5) != 2) return 1;
    const auto format = v4l2::get_format(null->get(), V4L2_BUF_TYPE_VIDEO_CAPTURE);
    const auto stream = v4l2::Stream::create(null->get(), V4L2_BUF_TYPE_VIDEO_CAPTURE, 2);
    const auto request = v4l2::Request::allocate(null->get());
    const auto fence = dmabuf::export_sync_file(null->get(), dmabuf::Access::read);
    const auto display = kms::Device::open("no such driver", 640, 480);
    if (format || stream || request || fence || display) return 1;
    // These depend on the machine.
    const auto buffer = dmabuf::allocate_udmabuf(4096);
    const auto timeline = sync::SwSync::open();
    std::printf("%s\n%s %d %d\n", format.error().message().c_str(),
                display.error().message().c_str(), buffer.has_value(), timeline.has_value());
    return 0;
}
