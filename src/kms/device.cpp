// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cstring>
#include <drm_fourcc.h>
#include <fcntl.h>
#include <initializer_list>
#include <memory>
#include <poll.h>
#include <sys/mman.h>
#include <utility>

#include <fmt/format.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include <relfence/kms/device.hpp>

#include "kms/pipe.hpp"

namespace relfence::kms {
namespace {

constexpr int card_limit = 64;  // DRM_MAX_MINOR of the primary nodes

/// A mode of the wanted size at about 60 Hz. No panel checks the blanking; vkms only derives its
/// frame time from it.
drmModeModeInfo make_mode(std::uint32_t width, std::uint32_t height) {
    drmModeModeInfo mode{};
    mode.hdisplay = static_cast<std::uint16_t>(width);
    mode.hsync_start = static_cast<std::uint16_t>(width + 16);
    mode.hsync_end = static_cast<std::uint16_t>(width + 48);
    mode.htotal = static_cast<std::uint16_t>(width + 160);
    mode.vdisplay = static_cast<std::uint16_t>(height);
    mode.vsync_start = static_cast<std::uint16_t>(height + 3);
    mode.vsync_end = static_cast<std::uint16_t>(height + 8);
    mode.vtotal = static_cast<std::uint16_t>(height + 30);
    constexpr unsigned hertz = 60;
    mode.clock = unsigned{mode.htotal} * mode.vtotal * hertz / 1000;
    mode.vrefresh = hertz;
    const auto name = fmt::format("{}x{}", width, height);
    std::copy_n(name.data(), std::min(name.size(), sizeof mode.name - 1), mode.name);
    return mode;
}

std::uint32_t bits_per_pixel(std::uint32_t fourcc) {
    return fourcc == DRM_FORMAT_RGB565 ? 16 : 32;
}

/// A GEM handle while a framebuffer is made. The framebuffer and the mapping keep the buffer, so
/// the handle goes at once: handles are per file and not counted, and a second import of one
/// dma-buf would otherwise share a handle that the first one closes.
class Handle {
  public:
    Handle(int fd, std::uint32_t handle) : fd_{fd}, handle_{handle} {}
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    ~Handle() { drmCloseBufferHandle(fd_, handle_); }
    [[nodiscard]] std::uint32_t get() const { return handle_; }

  private:
    int fd_;
    std::uint32_t handle_;
};

struct RequestDeleter {
    void operator()(drmModeAtomicReq* request) const { drmModeAtomicFree(request); }
};
using Request = std::unique_ptr<drmModeAtomicReq, RequestDeleter>;

}  // namespace

struct Device::State {
    UniqueFd fd;
    std::string path;
    Pipe pipe;
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    std::uint32_t mode_blob = 0;

    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
        if (mode_blob != 0) drmModeDestroyPropertyBlob(fd.get(), mode_blob);
    }

    /// Adds NAME = value for @p object; false when the object has no such property.
    static bool set(const Request& request, const Object& object, const char* name,
                    std::uint64_t value) {
        const auto at = object.properties.find(name);
        return at != object.properties.end() &&
               drmModeAtomicAddProperty(request.get(), object.id, at->second, value) >= 0;
    }

    [[nodiscard]] Result<std::uint32_t> add_framebuffer(std::uint32_t handle, std::uint32_t fourcc,
                                                        std::uint32_t stride) const {
        const std::array<std::uint32_t, 4> handles{handle};
        const std::array<std::uint32_t, 4> pitches{stride};
        const std::array<std::uint32_t, 4> offsets{};
        std::uint32_t id = 0;
        if (drmModeAddFB2(fd.get(), width, height, fourcc, handles.data(), pitches.data(),
                          offsets.data(), &id, 0) != 0)
            return fail_errno("DRM_IOCTL_MODE_ADDFB2", path);
        return id;
    }
};

Device::Device(std::unique_ptr<State> state) : state_{std::move(state)} {}
Device::Device(Device&&) noexcept = default;
Device& Device::operator=(Device&&) noexcept = default;
Device::~Device() = default;

std::uint32_t Device::width() const {
    return state_->width;
}
std::uint32_t Device::height() const {
    return state_->height;
}
bool Device::has_writeback() const {
    return state_->pipe.writeback.id != 0;
}

Result<Device> Device::open(std::string_view driver, std::uint32_t width, std::uint32_t height) {
    auto state = std::make_unique<State>();
    for (int i = 0; i < card_limit && !state->fd.valid(); ++i) {
        auto path = fmt::format("/dev/dri/card{}", i);
        auto fd = open_fd(path, O_RDWR);
        if (!fd) continue;
        const std::unique_ptr<drmVersion, void (*)(drmVersion*)> version{drmGetVersion(fd->get()),
                                                                         drmFreeVersion};
        if (!version ||
            driver != std::string_view{version->name, static_cast<std::size_t>(version->name_len)})
            continue;
        state->fd = std::move(*fd);
        state->path = std::move(path);
    }
    const std::string wanted{driver};
    if (!state->fd.valid())
        return fail("is the driver of no /dev/dri/card*", wanted, "does the kernel have it?");

    const int fd = state->fd.get();
    if (drmSetClientCap(fd, DRM_CLIENT_CAP_ATOMIC, 1) != 0)
        return fail_errno("ask for atomic mode setting", state->path);
    // Not an error: a device without writeback connectors simply lists none.
    drmSetClientCap(fd, DRM_CLIENT_CAP_WRITEBACK_CONNECTORS, 1);

    auto pipe = find_pipe(fd, state->path);
    if (!pipe) return tl::make_unexpected(pipe.error());
    state->pipe = std::move(*pipe);
    state->width = width;
    state->height = height;
    const drmModeModeInfo mode = make_mode(width, height);
    if (drmModeCreatePropertyBlob(fd, &mode, sizeof mode, &state->mode_blob) != 0)
        return fail_errno("create mode blob", state->path);
    return Device{std::move(state)};
}

Result<Framebuffer> Device::create_dumb(std::uint32_t fourcc) {
    Framebuffer buffer;
    auto own = state_->fd.duplicate();
    if (!own) return tl::make_unexpected(own.error());
    buffer.device_ = std::move(*own);
    const int fd = buffer.device_.get();

    std::uint64_t size = 0;
    std::uint32_t number = 0;
    if (drmModeCreateDumbBuffer(fd, state_->width, state_->height, bits_per_pixel(fourcc), 0,
                                &number, &buffer.stride_, &size) != 0)
        return fail_errno("DRM_IOCTL_MODE_CREATE_DUMB", state_->path);
    const Handle handle{fd, number};
    std::uint64_t offset = 0;
    if (drmModeMapDumbBuffer(fd, handle.get(), &offset) != 0)
        return fail_errno("DRM_IOCTL_MODE_MAP_DUMB", state_->path);
    void* const at =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, static_cast<off_t>(offset));
    if (at == MAP_FAILED) return fail_errno("mmap dumb buffer", state_->path);
    buffer.pixels_ = static_cast<std::uint8_t*>(at);
    buffer.size_ = size;
    std::memset(at, 0, size);

    auto id = state_->add_framebuffer(handle.get(), fourcc, buffer.stride_);
    if (!id) return tl::make_unexpected(id.error());
    buffer.id_ = *id;
    return buffer;
}

Result<Framebuffer> Device::import(int dma_buf, std::uint32_t fourcc, std::uint32_t stride) {
    Framebuffer buffer;
    auto own = state_->fd.duplicate();
    if (!own) return tl::make_unexpected(own.error());
    buffer.device_ = std::move(*own);
    buffer.stride_ = stride;
    std::uint32_t number = 0;
    if (drmPrimeFDToHandle(buffer.device_.get(), dma_buf, &number) != 0)
        return fail_errno("DRM_IOCTL_PRIME_FD_TO_HANDLE", state_->path);
    const Handle handle{buffer.device_.get(), number};
    auto id = state_->add_framebuffer(handle.get(), fourcc, stride);
    if (!id) return tl::make_unexpected(id.error());
    buffer.id_ = *id;
    return buffer;
}

Result<Committed> Device::commit(const Commit& what) {
    const Pipe& pipe = state_->pipe;
    const Request request{drmModeAtomicAlloc()};
    if (!request) return fail_errno("allocate atomic request", state_->path, ENOMEM);
    const bool on = what.show != nullptr;
    const std::uint64_t crtc = on ? pipe.crtc.id : 0;
    std::int32_t out_fence = -1;
    std::int32_t writeback_fence = -1;

    bool complete = true;
    const auto set = [&](const Object& object, const char* name, std::uint64_t value) {
        complete = complete && State::set(request, object, name, value);
    };
    if (what.modeset) {
        set(pipe.crtc, "MODE_ID", on ? state_->mode_blob : 0);
        set(pipe.crtc, "ACTIVE", on ? 1 : 0);
        // One connector at a time: the two have encoders that cannot be cloned, and the kernel
        // refuses a CRTC that feeds both.
        set(pipe.connector, "CRTC_ID", has_writeback() ? 0 : crtc);
        if (has_writeback()) set(pipe.writeback, "CRTC_ID", crtc);
    }
    set(pipe.plane, "FB_ID", on ? what.show->id() : 0);
    set(pipe.plane, "CRTC_ID", crtc);
    if (on) {
        constexpr unsigned fraction_bits = 16;  // SRC_* are 16.16 fixed point
        set(pipe.plane, "SRC_X", 0);
        set(pipe.plane, "SRC_Y", 0);
        set(pipe.plane, "SRC_W", std::uint64_t{state_->width} << fraction_bits);
        set(pipe.plane, "SRC_H", std::uint64_t{state_->height} << fraction_bits);
        set(pipe.plane, "CRTC_X", 0);
        set(pipe.plane, "CRTC_Y", 0);
        set(pipe.plane, "CRTC_W", state_->width);
        set(pipe.plane, "CRTC_H", state_->height);
        set(pipe.crtc, "OUT_FENCE_PTR", reinterpret_cast<std::uintptr_t>(&out_fence));
    }
    if (what.writeback != nullptr) {
        set(pipe.writeback, "WRITEBACK_FB_ID", what.writeback->id());
        set(pipe.writeback, "WRITEBACK_OUT_FENCE_PTR",
            reinterpret_cast<std::uintptr_t>(&writeback_fence));
    }
    if (!complete) return fail("lacks a property that the commit needs", state_->path);

    std::uint32_t flags = 0;
    if (what.modeset) flags |= DRM_MODE_ATOMIC_ALLOW_MODESET;
    if (what.nonblock) flags |= DRM_MODE_ATOMIC_NONBLOCK;
    if (what.nonblock && on) flags |= DRM_MODE_PAGE_FLIP_EVENT;
    if (drmModeAtomicCommit(state_->fd.get(), request.get(), flags, nullptr) != 0)
        return fail_errno("DRM_IOCTL_MODE_ATOMIC", state_->path);
    return Committed{UniqueFd{out_fence}, UniqueFd{writeback_fence}};
}

Result<void> Device::wait_flip(std::chrono::milliseconds timeout) {
    pollfd waiting{state_->fd.get(), POLLIN, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(timeout.count()));
    if (ready < 0) return fail_errno("poll", state_->path);
    if (ready == 0) return fail_errno("wait for page flip", state_->path, ETIMEDOUT);
    drmEventContext handlers{};
    handlers.version = 3;
    handlers.page_flip_handler2 = [](int, unsigned, unsigned, unsigned, unsigned, void*) {};
    if (drmHandleEvent(state_->fd.get(), &handlers) != 0)
        return fail_errno("read page flip event", state_->path);
    return {};
}

}  // namespace relfence::kms
