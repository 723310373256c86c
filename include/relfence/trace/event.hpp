// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relfence::trace {

/// What was seen. The first group are trace events of the kernel, the second is what a program
/// that runs under `relfence trace -- COMMAND` asked of the kernel (see docs/trace.md), the third
/// is what the tracer itself found out.
enum class Kind : std::uint8_t {
    vb2_qbuf,            ///< vb2:vb2_qbuf: a client queued a buffer (vb2_core_qbuf)
    vb2_buf_queue,       ///< vb2:vb2_buf_queue: the driver got it (__enqueue_in_driver)
    vb2_buf_done,        ///< vb2:vb2_buf_done: the driver is done with it (vb2_buffer_done)
    vb2_dqbuf,           ///< vb2:vb2_dqbuf: the client has it again (vb2_core_dqbuf)
    v4l2_qbuf,           ///< v4l2:v4l2_qbuf: end of VIDIOC_QBUF; has the minor
    v4l2_dqbuf,          ///< v4l2:v4l2_dqbuf: end of VIDIOC_DQBUF; has the minor
    fence_init,          ///< dma_fence:dma_fence_init
    fence_signaled,      ///< dma_fence:dma_fence_signaled
    fence_wait_start,    ///< dma_fence:dma_fence_wait_start (dma_fence_wait_timeout)
    fence_wait_end,      ///< dma_fence:dma_fence_wait_end
    fence_destroy,       ///< dma_fence:dma_fence_destroy
    call_queue,          ///< about to VIDIOC_QBUF; ino when it hands a dma-buf in
    call_export,         ///< VIDIOC_EXPBUF gave ino
    call_poll,           ///< poll() on a dma-buf begins
    call_poll_end,       ///< it returned; value: revents
    call_cpu_start,      ///< about to DMA_BUF_SYNC_START; value: flags
    call_cpu_started,    ///< the kernel let the processor at it; value: flags
    call_cpu_end,        ///< DMA_BUF_SYNC_END; value: flags
    call_export_sync,    ///< DMA_BUF_IOCTL_EXPORT_SYNC_FILE; value: flags
    call_sync_poll,      ///< poll() on a sync_file of this dma-buf begins
    call_sync_poll_end,  ///< it returned; value: revents
    call_import_sync,    ///< DMA_BUF_IOCTL_IMPORT_SYNC_FILE of driver and timeline; value: flags
    call_commit,         ///< about to show it: an atomic commit or a page flip
    call_commit_end,     ///< that call returned
    device,              ///< minor has this name
    holder,              ///< process pid, named text, has ino open
    lost,                ///< value events were lost before this one
    trouble,             ///< a line about what could not be seen
};
inline constexpr std::size_t kinds = static_cast<std::size_t>(Kind::trouble) + 1;

/// The name of a kind in recordings: "vb2_qbuf".
[[nodiscard]] std::string_view name(Kind kind);
[[nodiscard]] std::optional<Kind> kind_of(std::string_view name);

/// One thing that was seen. Which fields mean something depends on the kind; all others are as
/// here. Value type.
struct Event {
    Kind kind = Kind::lost;
    std::uint64_t time = 0;     ///< ns of CLOCK_MONOTONIC
    int cpu = 0;                ///< where it happened
    int pid = 0;                ///< thread that was running, 0: none (idle, interrupt)
    int tgid = 0;               ///< process, of calls only
    std::uint64_t owner = 0;    ///< vb2: an opaque name for the open file that has the queue
    int fd = -1;                ///< calls: the video device's descriptor in tgid
    int minor = -1;             ///< v4l2, device, call_queue, call_export
    std::uint32_t type = 0;     ///< enum v4l2_buf_type
    std::uint32_t index = 0;    ///< of the buffer
    std::uint64_t context = 0;  ///< of the fence
    std::uint64_t seqno = 0;    ///< of the fence
    std::uint64_t ino = 0;      ///< inode number of the dma-buf; 0: not a dma-buf
    std::int64_t value = 0;     ///< see Kind
    std::string driver;         ///< of the fence
    std::string timeline;       ///< of the fence
    std::string text;           ///< a process's, device's name; a line

    friend bool operator==(const Event&, const Event&) = default;
};

/// enum v4l2_buf_type of what a device writes (V4L2_TYPE_IS_CAPTURE).
[[nodiscard]] bool is_capture(std::uint32_t type);

}  // namespace relfence::trace
