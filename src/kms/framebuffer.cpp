// SPDX-License-Identifier: MIT
#include <sys/mman.h>
#include <utility>

#include <xf86drm.h>
#include <xf86drmMode.h>

#include <relfence/kms/device.hpp>

namespace relfence::kms {

Framebuffer::Framebuffer(Framebuffer&& other) noexcept {
    *this = std::move(other);
}

Framebuffer& Framebuffer::operator=(Framebuffer&& other) noexcept {
    if (this == &other) return *this;
    release();
    device_ = std::move(other.device_);
    id_ = std::exchange(other.id_, 0);
    stride_ = std::exchange(other.stride_, 0);
    pixels_ = std::exchange(other.pixels_, nullptr);
    size_ = std::exchange(other.size_, 0);
    return *this;
}

Framebuffer::~Framebuffer() {
    release();
}

void Framebuffer::release() {
    if (pixels_ != nullptr) ::munmap(std::exchange(pixels_, nullptr), size_);
    if (id_ != 0) drmModeRmFB(device_.get(), std::exchange(id_, 0));
}

}  // namespace relfence::kms
