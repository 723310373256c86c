// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include <relfence/base/error.hpp>
#include <relfence/v4l2/stream.hpp>

namespace relfence::jobs {

/// Where the memory of a driver's CAPTURE buffers comes from.
struct Memory {
    enum class Source {
        exported,  ///< the driver's own (V4L2_MEMORY_MMAP), exported as dma-bufs
        udmabuf,   ///< imported by the driver (V4L2_MEMORY_DMABUF), as are the following
        heap,
        vgem,
    };
    Source source = Source::exported;
    /// Somebody, like a GPU that drew into it, had a fence on the imported dma-buf before; it has
    /// signalled, but the reservation object has a place for fences since then.
    bool used_before = false;
};

/// Leaves a fence in a dma-buf that has signalled, and with it a place for the next one.
[[nodiscard]] Result<void> leave_fence(int dma_buf);

/// The CAPTURE queue of a device with @p count buffers of @p size bytes. @param fd borrowed
[[nodiscard]] Result<v4l2::Stream> make_capture(int fd, v4l2_buf_type type, unsigned count,
                                                const Memory& memory, std::size_t size);

}  // namespace relfence::jobs
