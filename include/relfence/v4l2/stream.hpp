// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <linux/videodev2.h>
#include <span>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/base/unique_fd.hpp>

namespace relfence::v4l2 {

/// One queue of a mem2mem device with its buffers, of one plane each, mapped and exported.
///
/// The export is made once and kept, as players do: a consumer holds the dma-buf of a buffer for
/// the life of the pool. Move-only; not thread-safe; must go before the device is closed for good.
class Stream {
  public:
    /// An empty queue, to be assigned to.
    Stream() = default;
    /// Allocates @p count buffers. @param fd borrowed @param type any of the four video types
    [[nodiscard]] static Result<Stream> create(int fd, v4l2_buf_type type, unsigned count);
    /// Takes buffers of somebody else's instead (V4L2_MEMORY_DMABUF). The exports are then @p
    /// buffers.
    /// @param buffers dma-bufs that can be mapped, of @p length bytes each
    [[nodiscard]] static Result<Stream> import(int fd, v4l2_buf_type type,
                                               std::vector<UniqueFd> buffers, std::size_t length);
    Stream(Stream&& other) noexcept;
    Stream& operator=(Stream&& other) noexcept;
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    ~Stream();

    [[nodiscard]] Result<void> on() const;
    [[nodiscard]] Result<void> off() const;

    /// What goes with a buffer that is queued.
    struct Queued {
        std::size_t used = 0;    ///< bytes of data in an OUTPUT buffer
        int request = -1;        ///< media request that the buffer belongs to, or -1
        unsigned timestamp = 0;  ///< microseconds
        /// V4L2_BUF_FLAG_M2M_HOLD_CAPTURE_BUF: more jobs follow that write the same CAPTURE buffer.
        bool hold_capture = false;
    };
    [[nodiscard]] Result<void> queue(unsigned index, const Queued& with) const;

    /// What came back with a buffer.
    struct Dequeued {
        unsigned index = 0;
        std::size_t used = 0;
        bool error = false;  ///< V4L2_BUF_FLAG_ERROR: the driver could not do the job
        bool last = false;   ///< V4L2_BUF_FLAG_LAST: nothing comes after it, and it may be empty
    };
    /// Waits for a buffer. Fails with ETIMEDOUT, and with EPIPE after the last one.
    [[nodiscard]] Result<Dequeued> dequeue(std::chrono::milliseconds timeout = std::chrono::seconds{
                                               5}) const;
    /// A second dma-buf of a buffer of ours (VIDIOC_EXPBUF), made now. Fails for imported buffers.
    [[nodiscard]] Result<UniqueFd> export_again(unsigned index) const;
    /// Whether dequeue() would return at once. Fails with ENODEV when the device has gone.
    [[nodiscard]] Result<bool> ready(std::chrono::milliseconds timeout) const;

    [[nodiscard]] unsigned size() const { return static_cast<unsigned>(maps_.size()); }
    /// V4L2_BUF_CAP_* of the queue, for the format that it was made with.
    [[nodiscard]] std::uint32_t capabilities() const { return capabilities_; }
    [[nodiscard]] std::span<std::uint8_t> memory(unsigned index) const { return maps_[index]; }
    [[nodiscard]] int dma_buf(unsigned index) const { return exports_[index].get(); }

  private:
    int fd_ = -1;
    v4l2_buf_type type_ = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    v4l2_memory memory_ = V4L2_MEMORY_MMAP;
    std::uint32_t capabilities_ = 0;
    std::vector<std::span<std::uint8_t>> maps_;
    std::vector<UniqueFd> exports_;
};

}  // namespace relfence::v4l2
