// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <utility>

#include <relfence/v4l2/device.hpp>
#include <relfence/v4l2/stream.hpp>

namespace relfence::v4l2 {
namespace {

/// A v4l2_buffer of a queue with the one plane that a multi-planar queue wants beside it.
struct Buffer {
    v4l2_buffer buffer{};
    v4l2_plane plane{};

    Buffer(v4l2_buf_type type, v4l2_memory memory) {
        buffer.type = type;
        buffer.memory = memory;
        if (!is_multiplanar()) return;
        buffer.m.planes = &plane;
        buffer.length = 1;
    }
    Buffer(const Buffer&) = delete;  // it points into itself
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() = default;

    [[nodiscard]] bool is_multiplanar() const { return V4L2_TYPE_IS_MULTIPLANAR(buffer.type); }
    [[nodiscard]] std::size_t length() const {
        return is_multiplanar() ? plane.length : buffer.length;
    }
    [[nodiscard]] off_t offset() const {
        return is_multiplanar() ? plane.m.mem_offset : buffer.m.offset;
    }
    [[nodiscard]] std::uint32_t& used() {
        return is_multiplanar() ? plane.bytesused : buffer.bytesused;
    }
};

}  // namespace

Result<Stream> Stream::import(int fd, v4l2_buf_type type, std::vector<UniqueFd> buffers,
                              std::size_t length) {
    Stream stream;
    stream.fd_ = fd;
    stream.type_ = type;
    stream.memory_ = V4L2_MEMORY_DMABUF;
    stream.exports_ = std::move(buffers);
    v4l2_requestbuffers request{};
    request.count = static_cast<std::uint32_t>(stream.exports_.size());
    request.type = type;
    request.memory = V4L2_MEMORY_DMABUF;
    if (auto ok = call(fd, VIDIOC_REQBUFS, &request, "VIDIOC_REQBUFS"); !ok)
        return tl::make_unexpected(ok.error());
    stream.capabilities_ = request.capabilities;
    for (const UniqueFd& buffer : stream.exports_) {
        void* const at =
            ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED, buffer.get(), 0);
        if (at == MAP_FAILED) return fail_errno("mmap", "dma-buf");
        stream.maps_.emplace_back(static_cast<std::uint8_t*>(at), length);
    }
    return stream;
}

Result<Stream> Stream::create(int fd, v4l2_buf_type type, unsigned count) {
    Stream stream;
    stream.fd_ = fd;
    stream.type_ = type;
    v4l2_requestbuffers request{};
    request.count = count;
    request.type = type;
    request.memory = V4L2_MEMORY_MMAP;
    if (auto ok = call(fd, VIDIOC_REQBUFS, &request, "VIDIOC_REQBUFS"); !ok)
        return tl::make_unexpected(ok.error());
    stream.capabilities_ = request.capabilities;
    for (unsigned index = 0; index < request.count; ++index) {
        Buffer buffer{type, V4L2_MEMORY_MMAP};
        buffer.buffer.index = index;
        if (auto ok = call(fd, VIDIOC_QUERYBUF, &buffer.buffer, "VIDIOC_QUERYBUF"); !ok)
            return tl::make_unexpected(ok.error());
        void* const at = ::mmap(nullptr, buffer.length(), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                                buffer.offset());
        if (at == MAP_FAILED) return fail_errno("mmap", "video buffer");
        stream.maps_.emplace_back(static_cast<std::uint8_t*>(at), buffer.length());
        auto exported = stream.export_again(index);
        if (!exported) return tl::make_unexpected(exported.error());
        stream.exports_.push_back(std::move(*exported));
    }
    return stream;
}

Stream::Stream(Stream&& other) noexcept {
    *this = std::move(other);
}

Stream& Stream::operator=(Stream&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(type_, other.type_);
    std::swap(memory_, other.memory_);
    std::swap(capabilities_, other.capabilities_);
    std::swap(maps_, other.maps_);
    std::swap(exports_, other.exports_);
    return *this;
}

Stream::~Stream() {
    for (const auto map : maps_) ::munmap(map.data(), map.size());
}

Result<void> Stream::on() const {
    int type = type_;
    return call(fd_, VIDIOC_STREAMON, &type, "VIDIOC_STREAMON");
}

Result<void> Stream::off() const {
    int type = type_;
    return call(fd_, VIDIOC_STREAMOFF, &type, "VIDIOC_STREAMOFF");
}

Result<void> Stream::queue(unsigned index, const Queued& with) const {
    Buffer buffer{type_, memory_};
    buffer.buffer.index = index;
    buffer.buffer.field = V4L2_FIELD_NONE;
    buffer.buffer.timestamp.tv_usec = static_cast<suseconds_t>(with.timestamp);
    if (memory_ == V4L2_MEMORY_DMABUF) {
        // An OUTPUT buffer must not hold more than the length that is told here.
        const auto length = static_cast<std::uint32_t>(maps_[index].size());
        if (buffer.is_multiplanar()) {
            buffer.plane.m.fd = exports_[index].get();
            buffer.plane.length = length;
        } else {
            buffer.buffer.m.fd = exports_[index].get();
            buffer.buffer.length = length;
        }
    }
    buffer.used() = static_cast<std::uint32_t>(with.used);
    if (with.request >= 0) {
        buffer.buffer.flags |= V4L2_BUF_FLAG_REQUEST_FD;
        buffer.buffer.request_fd = with.request;
    }
    if (with.hold_capture) buffer.buffer.flags |= V4L2_BUF_FLAG_M2M_HOLD_CAPTURE_BUF;
    return call(fd_, VIDIOC_QBUF, &buffer.buffer, "VIDIOC_QBUF");
}

Result<UniqueFd> Stream::export_again(unsigned index) const {
    v4l2_exportbuffer exported{};
    exported.type = type_;
    exported.index = index;
    exported.flags = O_RDWR | O_CLOEXEC;
    if (auto ok = call(fd_, VIDIOC_EXPBUF, &exported, "VIDIOC_EXPBUF"); !ok)
        return tl::make_unexpected(ok.error());
    return UniqueFd{exported.fd};
}

Result<bool> Stream::ready(std::chrono::milliseconds timeout) const {
    const short event = V4L2_TYPE_IS_OUTPUT(type_) ? POLLOUT : POLLIN;
    pollfd waiting{fd_, event, 0};
    if (::poll(&waiting, 1, static_cast<int>(timeout.count())) < 0)
        return fail_errno("poll", "video device");
    // Of video devices this is said of those that are not registered any more, and of no others:
    // v4l2_poll(), drivers/media/v4l2-core/v4l2-dev.c. Nothing will ever get ready there.
    if ((waiting.revents & POLLHUP) != 0) return fail_errno("poll", "video device", ENODEV);
    return (waiting.revents & event) != 0;
}

Result<Stream::Dequeued> Stream::dequeue(std::chrono::milliseconds timeout) const {
    const auto there = ready(timeout);
    if (!there) return tl::make_unexpected(there.error());
    if (!*there) return fail_errno("wait for VIDIOC_DQBUF", "video device", ETIMEDOUT);
    Buffer buffer{type_, memory_};
    if (auto ok = call(fd_, VIDIOC_DQBUF, &buffer.buffer, "VIDIOC_DQBUF"); !ok)
        return tl::make_unexpected(ok.error());
    return Dequeued{buffer.buffer.index, buffer.used(),
                    (buffer.buffer.flags & V4L2_BUF_FLAG_ERROR) != 0,
                    (buffer.buffer.flags & V4L2_BUF_FLAG_LAST) != 0};
}

}  // namespace relfence::v4l2
