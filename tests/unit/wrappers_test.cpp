// SPDX-License-Identifier: MIT
// V4L2, dma-buf and sync_file wrappers: what must hold without a device.
#include <cerrno>
#include <chrono>
#include <fcntl.h>

#include <gtest/gtest.h>

#include <relfence/dmabuf/allocate.hpp>
#include <relfence/dmabuf/dma_buf.hpp>
#include <relfence/sync/sync_file.hpp>
#include <relfence/v4l2/device.hpp>
#include <relfence/v4l2/request.hpp>
#include <relfence/v4l2/stream.hpp>

namespace relfence {
namespace {

using namespace std::chrono_literals;

/// A file that is neither a dma-buf nor a sync_file nor a video device.
UniqueFd plain_file() {
    auto fd = open_fd("/dev/null", O_RDWR);
    return fd ? std::move(*fd) : UniqueFd{};
}

TEST(Video, SaysWhichDeviceIsMissing) {
    const auto video = v4l2::open_video("no-such-video-device");
    ASSERT_FALSE(video);
    EXPECT_EQ(video.error().subject, "no-such-video-device");
    const auto media = v4l2::open_media("no-such-driver");
    ASSERT_FALSE(media);
    EXPECT_EQ(media.error().subject, "no-such-driver");
}

TEST(Video, SaysWhichRequestWasRefused) {
    const UniqueFd file = plain_file();
    const auto stream = v4l2::Stream::create(file.get(), V4L2_BUF_TYPE_VIDEO_CAPTURE, 1);
    ASSERT_FALSE(stream);
    EXPECT_EQ(stream.error().code, ENOTTY);
    EXPECT_EQ(stream.error().operation, "VIDIOC_REQBUFS");
    const auto request = v4l2::Request::allocate(file.get());
    ASSERT_FALSE(request);
    EXPECT_EQ(request.error().operation, "MEDIA_IOC_REQUEST_ALLOC");
    const auto control = v4l2::set_control(file.get(), "No Such Control", 1);
    ASSERT_FALSE(control);
    EXPECT_EQ(control.error().subject, "No Such Control");
}

TEST(DmaBuf, SaysWhatIsNoDmaBuf) {
    const UniqueFd file = plain_file();
    const auto exported = dmabuf::export_sync_file(file.get(), dmabuf::Access::read);
    ASSERT_FALSE(exported);
    EXPECT_EQ(exported.error().code, ENOTTY);
    EXPECT_EQ(exported.error().operation, "DMA_BUF_IOCTL_EXPORT_SYNC_FILE");
    const auto closed = dmabuf::export_sync_file(-1, dmabuf::Access::write);
    ASSERT_FALSE(closed);
    EXPECT_EQ(closed.error().code, EBADF);
}

TEST(DmaBuf, SaysWhichHeapIsMissing) {
    const auto buffer = dmabuf::allocate_heap("no-such-heap", 1);
    ASSERT_FALSE(buffer);
    EXPECT_EQ(buffer.error().code, ENOENT);
    EXPECT_EQ(buffer.error().subject, "/dev/dma_heap/no-such-heap");
}

TEST(SyncFile, SaysWhatIsNoSyncFile) {
    const sync::SyncFile file{plain_file()};
    const auto fences = file.fences();
    ASSERT_FALSE(fences);
    EXPECT_EQ(fences.error().code, ENOTTY);
    EXPECT_EQ(fences.error().operation, "SYNC_IOC_FILE_INFO");
}

// What EXPORT_SYNC_FILE gives for a dma-buf without fences, and what must not be taken for it.
TEST(SyncFile, TellsTheStubFromAFence) {
    EXPECT_TRUE(sync::is_stub({{"stub", "stub", 1, 0}}));
    EXPECT_FALSE(sync::is_stub({}));
    EXPECT_FALSE(sync::is_stub({{"vicodec", "vb2-cap-7", 1, 0}}));
    EXPECT_FALSE(sync::is_stub({{"stub", "stub", 1, 0}, {"vicodec", "vb2-cap-7", 0, 0}}));
    // Linux 7.x: no name is left of a fence that has signalled.
    EXPECT_TRUE(sync::is_stub({{"detached-driver", "signaled-timeline", 1, 0}}));
    EXPECT_FALSE(sync::is_stub({{"detached-driver", "signaled-timeline", -5, 0}}));
}

}  // namespace
}  // namespace relfence
