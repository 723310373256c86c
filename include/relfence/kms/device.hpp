// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <relfence/base/error.hpp>
#include <relfence/base/unique_fd.hpp>

namespace relfence::kms {

/// A picture that a display can scan out: a GEM buffer with a framebuffer around it.
///
/// Keeps its own descriptor of the device, so that it may outlive the Device. Removing a
/// framebuffer that is on screen turns the plane off, which is why it must live as long as it is
/// shown. Move-only; not thread-safe.
class Framebuffer {
  public:
    Framebuffer(Framebuffer&& other) noexcept;
    Framebuffer& operator=(Framebuffer&& other) noexcept;
    Framebuffer(const Framebuffer&) = delete;
    Framebuffer& operator=(const Framebuffer&) = delete;
    ~Framebuffer();

    [[nodiscard]] std::uint32_t id() const { return id_; }
    /// Bytes from one row to the next.
    [[nodiscard]] std::uint32_t stride() const { return stride_; }
    /// The mapped pixels of a dumb buffer; nullptr for an imported one.
    [[nodiscard]] std::uint8_t* pixels() const { return pixels_; }
    [[nodiscard]] std::size_t size() const { return size_; }

  private:
    friend class Device;
    Framebuffer() = default;
    void release();

    UniqueFd device_;
    std::uint32_t id_ = 0;
    std::uint32_t stride_ = 0;
    std::uint8_t* pixels_ = nullptr;
    std::size_t size_ = 0;
};

/// What an atomic commit shall do.
struct Commit {
    const Framebuffer* show = nullptr;       ///< on the primary plane; nullptr turns the CRTC off
    const Framebuffer* writeback = nullptr;  ///< where to capture the composed picture, or nullptr
    bool modeset = false;   ///< may change mode and routing (the first commit must)
    bool nonblock = false;  ///< return at once; the kernel waits for fences itself
};

/// What an atomic commit gave back.
struct Committed {
    UniqueFd out_fence;  ///< sync_file that signals when the frame is on screen
    UniqueFd
        writeback_fence;  ///< sync_file that signals when the capture is complete; may be invalid
};

/// One display of a KMS device: its first CRTC with primary plane, connector and, when there is
/// one, writeback connector. Atomic only. Move-only; not thread-safe.
///
/// vkms composes into memory once per virtual vblank; the writeback connector hands out what it
/// composed, so that a test sees what a viewer would. Source: Documentation/gpu/vkms.rst.
class Device {
  public:
    /// Opens the first /dev/dri/card* whose kernel driver is called @p driver.
    /// @param width,height the size of the mode that is made for it, 60 Hz
    [[nodiscard]] static Result<Device> open(std::string_view driver, std::uint32_t width,
                                             std::uint32_t height);
    Device(Device&&) noexcept;
    Device& operator=(Device&&) noexcept;
    ~Device();

    /// A buffer of the device's own, zeroed and mapped.
    /// @param fourcc DRM_FORMAT_XRGB8888 or DRM_FORMAT_RGB565
    [[nodiscard]] Result<Framebuffer> create_dumb(std::uint32_t fourcc);
    /// Takes a dma-buf of another device as framebuffer (PRIME). The dma-buf is only borrowed.
    [[nodiscard]] Result<Framebuffer> import(int dma_buf, std::uint32_t fourcc,
                                             std::uint32_t stride);

    [[nodiscard]] bool has_writeback() const;
    /// Runs an atomic commit. A blocking one returns when the frame is on screen, which includes
    /// waiting for the fences in the dma-buf's reservation object.
    [[nodiscard]] Result<Committed> commit(const Commit& what);
    /// Waits for the page-flip event of the last nonblocking commit. Fails with ETIMEDOUT.
    [[nodiscard]] Result<void> wait_flip(std::chrono::milliseconds timeout);

    [[nodiscard]] std::uint32_t width() const;
    [[nodiscard]] std::uint32_t height() const;

  private:
    struct State;
    explicit Device(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace relfence::kms
