// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include <relfence/base/error.hpp>
#include <relfence/base/unique_fd.hpp>

namespace relfence::dmabuf {

/// A buffer of vgem, the GPU driver without a GPU.
struct VgemBuffer {
    UniqueFd device;
    std::uint32_t handle = 0;
};
/// A dumb buffer of whole pages. It goes with the device.
[[nodiscard]] Result<VgemBuffer> make_vgem_buffer(std::size_t length);
/// PRIME: the buffer as a dma-buf, which outlives the device's file.
[[nodiscard]] Result<UniqueFd> export_vgem_buffer(const VgemBuffer& buffer);

}  // namespace relfence::dmabuf
