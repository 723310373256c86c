// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string_view>

#include <relfence/base/error.hpp>
#include <relfence/base/unique_fd.hpp>

namespace relfence::dmabuf {

/// A dma-buf of plain memory, from /dev/udmabuf: pages of a memfd.
/// @param length in bytes, rounded up to pages
[[nodiscard]] Result<UniqueFd> allocate_udmabuf(std::size_t length);

/// A dma-buf from a dma-heap. @param heap its name below /dev/dma_heap: "system"
[[nodiscard]] Result<UniqueFd> allocate_heap(std::string_view heap, std::size_t length);

/// A dma-buf from vgem, the GPU driver without a GPU: a dumb buffer, exported by PRIME. Its fences
/// are handled as a GPU driver's are.
[[nodiscard]] Result<UniqueFd> allocate_vgem(std::size_t length);

}  // namespace relfence::dmabuf
