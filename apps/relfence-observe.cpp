// SPDX-License-Identifier: MIT
// librelfence-observe.so: preloaded into the program that `relfence trace -- COMMAND` starts. The
// kernel has no trace event for what a consumer does with a dma-buf; this writes it into the ring
// buffer of the trace, where it has its place among the kernel's events. It changes nothing: each
// call goes to the C library with the arguments that came. Calls that do not go through ioctl(),
// poll() and ppoll() of the C library - of static programs, io_uring, epoll - are not seen.
//
// Lives in programs of others: no exceptions, no allocation, errno as it was, safe in any thread.
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <drm.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace {

using Ioctl = int (*)(int, unsigned long, ...);
using Poll = int (*)(pollfd*, nfds_t, int);
using Ppoll = int (*)(pollfd*, nfds_t, const timespec*, const sigset_t*);
using Close = int (*)(int);

/// A function of the C library that this one stands in front of. Looked up at the first call, since
/// other libraries may call before any constructor of ours has run.
template <typename Function>
class Next {
  public:
    explicit constexpr Next(const char* name) : name_{name} {}
    Function get() {
        Function function = function_.load();
        if (function == nullptr) {
            function = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name_));
            function_.store(function);
        }
        return function;
    }

  private:
    const char* name_;
    std::atomic<Function> function_{nullptr};
};
constinit Next<Ioctl> next_ioctl{"ioctl"};
constinit Next<Poll> next_poll{"poll"};
constinit Next<Ppoll> next_ppoll{"ppoll"};
constinit Next<Close> next_close{"close"};

int real_ioctl(int fd, unsigned long request, void* argument) {
    return next_ioctl.get()(fd, request, argument);
}

/// Where to write, and what was opened there: a program may close every descriptor that it does not
/// know, and get the number again for a file of its own.
struct Marker {
    int fd = -1;
    dev_t device = 0;
    ino_t inode = 0;
};
Marker marker;

__attribute__((constructor)) void open_marker() {
    const char* const path = std::getenv("RELFENCE_TRACE_MARKER");
    if (path == nullptr) return;
    const int low = ::open(path, O_WRONLY | O_CLOEXEC);
    if (low < 0) return;
    // Away from the numbers that programs expect to get.
    const int high = ::fcntl(low, F_DUPFD_CLOEXEC, 700);
    if (high >= 0) ::close(low);
    marker.fd = high >= 0 ? high : low;
    struct stat status {};
    if (::fstat(marker.fd, &status) != 0) marker.fd = -1;
    marker.device = status.st_dev;
    marker.inode = status.st_ino;
}

/// The caller's errno stays what it was.
class KeepErrno {
  public:
    KeepErrno() : value_{errno} {}
    KeepErrno(const KeepErrno&) = delete;
    KeepErrno& operator=(const KeepErrno&) = delete;
    ~KeepErrno() { errno = value_; }

  private:
    int value_;
};

struct Line {
    const char* kind;
    int fd = -1;
    int minor = -1;
    std::uint32_t type = 0;
    std::uint32_t index = 0;
    std::uint64_t ino = 0;
    std::int64_t value = 0;
    const char* driver = "";
    const char* timeline = "";
};

void emit(const Line& line) {
    if (marker.fd < 0) return;
    const KeepErrno keep;
    struct stat status {};
    if (::fstat(marker.fd, &status) != 0 || status.st_dev != marker.device ||
        status.st_ino != marker.inode)
        return;
    std::array<char, 320> text{};
    const int length = std::snprintf(
        text.data(), text.size(),
        "relfence:%s\ttgid=%d\tfd=%d\tminor=%d\ttype=%u\tindex=%u\tino=%llu\tvalue=%lld\t"
        "driver=%s\ttimeline=%s\n",
        line.kind, ::getpid(), line.fd, line.minor, line.type, line.index,
        static_cast<unsigned long long>(line.ino), static_cast<long long>(line.value), line.driver,
        line.timeline);
    if (length <= 0) return;
    const auto size = std::min(static_cast<std::size_t>(length), text.size() - 1);
    [[maybe_unused]] const auto written = ::write(marker.fd, text.data(), size);
}

std::uint64_t inode_of(int fd) {
    struct stat status {};
    return ::fstat(fd, &status) == 0 ? status.st_ino : 0;
}

dev_t device_of(int fd) {
    struct stat status {};
    return ::fstat(fd, &status) == 0 ? status.st_rdev : 0;
}

int minor_of(int fd) {
    struct stat status {};
    constexpr unsigned video4linux = 81;
    if (::fstat(fd, &status) != 0 || !S_ISCHR(status.st_mode) ||
        major(status.st_rdev) != video4linux)
        return -1;
    return static_cast<int>(minor(status.st_rdev));
}

/// The dma-buf's inode number; 0 for another file. Asked of each descriptor in each poll(), so that
/// what is mostly polled takes one system call, and so do dma-bufs once one was seen: they are all
/// in one file system.
std::uint64_t dma_buf(int fd) {
    static std::atomic<dev_t> file_system{0};
    struct stat status {};
    if (::fstat(fd, &status) != 0 || S_ISCHR(status.st_mode) || S_ISSOCK(status.st_mode) ||
        S_ISFIFO(status.st_mode))
        return 0;
    if (const dev_t known = file_system.load(); known != 0)
        return status.st_dev == known ? status.st_ino : 0;
    std::array<char, 48> path{};
    std::array<char, 16> target{};
    std::snprintf(path.data(), path.size(), "/proc/self/fd/%d", fd);
    if (::readlink(path.data(), target.data(), target.size()) < 8 ||
        std::memcmp(target.data(), "/dmabuf:", 8) != 0)
        return 0;
    file_system.store(status.st_dev);
    return status.st_ino;
}

/// sync_files that were exported from dma-bufs, by descriptor: the dma-buf's inode number.
std::array<std::atomic<std::uint64_t>, 4096> sync_files;

std::uint64_t sync_file(int fd) {
    return fd >= 0 && static_cast<std::size_t>(fd) < sync_files.size()
               ? sync_files[static_cast<std::size_t>(fd)].load()
               : 0;
}

/// GEM handles and framebuffers that are dma-bufs, by device: descriptors of one open file have the
/// same handles. Of two open files with the same handle, the one that imported last is believed.
/// A full table forgets what came first.
class Names {
  public:
    void put(int fd, std::uint32_t name, std::uint64_t ino) {
        Entry& entry = entries_[next_.fetch_add(1) % entries_.size()];
        entry.key.store(0);
        entry.ino.store(ino);
        entry.key.store(key(device_of(fd), name));
    }
    std::uint64_t get(int fd, std::uint32_t name) const {
        const std::uint64_t wanted = key(device_of(fd), name);
        for (const Entry& entry : entries_)
            if (entry.key.load() == wanted) return entry.ino.load();
        return 0;
    }

  private:
    struct Entry {
        std::atomic<std::uint64_t> key;
        std::atomic<std::uint64_t> ino;
    };
    static std::uint64_t key(dev_t device, std::uint32_t name) {
        return (static_cast<std::uint64_t>(device) + 1) << 32 | name;
    }
    std::array<Entry, 256> entries_;
    std::atomic<std::size_t> next_ = 0;
};
Names handles;
Names framebuffers;

/// Whether a property of this device is a plane's FB_ID. Asks the kernel once for each property.
bool is_framebuffer_property(int fd, std::uint32_t property) {
    static std::array<std::atomic<std::uint8_t>, 1024> known;  // 0: not asked, 1: no, 2: yes
    if (property >= known.size()) return false;
    auto& state = known[property];
    if (state.load() == 0) {
        drm_mode_get_property asked{};
        asked.prop_id = property;
        const bool yes = real_ioctl(fd, DRM_IOCTL_MODE_GETPROPERTY, &asked) == 0 &&
                         std::strncmp(asked.name, "FB_ID", sizeof asked.name) == 0;
        state.store(yes ? 2 : 1);
    }
    return state.load() == 2;
}

/// How often each queue of a descriptor was queued to. The trace learns from one call which open
/// file of the kernel the descriptor is, and later ones of buffers that are not other dma-bufs say
/// nothing new, unless a program has put another file in the descriptor's place in a way that is
/// not seen here (dup2, close_range). So it is said again now and then.
class Queued {
  public:
    [[nodiscard]] bool worth_telling(int fd, std::uint32_t type) const {
        constexpr unsigned again = 64;
        return !in_table(fd) || counts_[index(fd, type)].load() % again == 0;
    }
    void count(int fd, std::uint32_t type) {
        if (in_table(fd)) counts_[index(fd, type)].fetch_add(1);
    }
    void forget(int fd) {
        if (!in_table(fd)) return;
        counts_[index(fd, V4L2_BUF_TYPE_VIDEO_OUTPUT)].store(0);
        counts_[index(fd, V4L2_BUF_TYPE_VIDEO_CAPTURE)].store(0);
    }

  private:
    static constexpr std::size_t descriptors = 4096;
    static bool in_table(int fd) { return fd >= 0 && static_cast<std::size_t>(fd) < descriptors; }
    static std::size_t index(int fd, std::uint32_t type) {
        return 2 * static_cast<std::size_t>(fd) + (V4L2_TYPE_IS_OUTPUT(type) ? 1 : 0);
    }
    std::array<std::atomic<std::uint8_t>, 2 * descriptors> counts_;
};
Queued queued;

void before_queue(int fd, const v4l2_buffer& buffer) {
    if (buffer.memory != V4L2_MEMORY_DMABUF && !queued.worth_telling(fd, buffer.type)) return;
    Line line{"call_queue"};
    line.fd = fd;
    line.minor = minor_of(fd);
    line.type = buffer.type;
    line.index = buffer.index;
    if (buffer.memory == V4L2_MEMORY_DMABUF) {
        if (!V4L2_TYPE_IS_MULTIPLANAR(buffer.type))
            line.ino = inode_of(buffer.m.fd);
        else if (buffer.m.planes != nullptr && buffer.length > 0)
            line.ino = inode_of(buffer.m.planes[0].m.fd);
    }
    emit(line);
}

void after_export(int fd, const v4l2_exportbuffer& exported) {
    // The first plane stands for the frame.
    if (exported.plane != 0) return;
    Line line{"call_export"};
    line.fd = fd;
    line.minor = minor_of(fd);
    line.type = exported.type;
    line.index = exported.index;
    line.ino = inode_of(exported.fd);
    emit(line);
}

int synchronize(int fd, dma_buf_sync* sync) {
    const std::uint64_t ino = inode_of(fd);
    const auto flags = static_cast<std::int64_t>(sync->flags);
    const bool ends = (sync->flags & DMA_BUF_SYNC_END) != 0;
    Line line{ends ? "call_cpu_end" : "call_cpu_start"};
    line.ino = ino;
    line.value = flags;
    emit(line);
    const int result = real_ioctl(fd, DMA_BUF_IOCTL_SYNC, sync);
    if (!ends && result == 0) {
        line.kind = "call_cpu_started";
        emit(line);
    }
    return result;
}

void after_export_sync(int fd, const dma_buf_export_sync_file& exported) {
    Line line{"call_export_sync"};
    line.ino = inode_of(fd);
    line.value = exported.flags;
    if (exported.fd >= 0 && static_cast<std::size_t>(exported.fd) < sync_files.size())
        sync_files[static_cast<std::size_t>(exported.fd)].store(line.ino);
    emit(line);
}

void after_import_sync(int fd, const dma_buf_import_sync_file& imported) {
    sync_fence_info fence{};
    sync_file_info info{};
    info.num_fences = 1;
    info.sync_fence_info = reinterpret_cast<std::uintptr_t>(&fence);
    // Several fences in one sync_file do not fit, and one that has signalled is in nobody's way.
    if (real_ioctl(imported.fd, SYNC_IOC_FILE_INFO, &info) != 0 || fence.status != 0) return;
    fence.driver_name[sizeof fence.driver_name - 1] = '\0';
    fence.obj_name[sizeof fence.obj_name - 1] = '\0';
    Line line{"call_import_sync"};
    line.ino = inode_of(fd);
    line.value = imported.flags;
    line.driver = fence.driver_name;
    line.timeline = fence.obj_name;
    emit(line);
}

void before_flip(int fd, std::uint32_t framebuffer) {
    Line line{"call_commit"};
    line.ino = framebuffers.get(fd, framebuffer);
    if (line.ino != 0) emit(line);
}

int commit(int fd, drm_mode_atomic* atomic) {
    if ((atomic->flags & DRM_MODE_ATOMIC_TEST_ONLY) == 0) {
        const auto* const counts = reinterpret_cast<const std::uint32_t*>(atomic->count_props_ptr);
        const auto* const properties = reinterpret_cast<const std::uint32_t*>(atomic->props_ptr);
        const auto* const values = reinterpret_cast<const std::uint64_t*>(atomic->prop_values_ptr);
        std::size_t at = 0;
        if (counts != nullptr && properties != nullptr && values != nullptr)
            for (std::uint32_t object = 0; object < atomic->count_objs; ++object)
                for (std::uint32_t left = counts[object]; left > 0; --left, ++at)
                    if (values[at] != 0 &&
                        framebuffers.get(fd, static_cast<std::uint32_t>(values[at])) != 0 &&
                        is_framebuffer_property(fd, properties[at]))
                        before_flip(fd, static_cast<std::uint32_t>(values[at]));
    }
    const int result = real_ioctl(fd, DRM_IOCTL_MODE_ATOMIC, atomic);
    emit(Line{"call_commit_end"});
    return result;
}

/// What is told before and after a poll of these descriptors.
class Watched {
  public:
    Watched(const pollfd* fds, nfds_t count) {
        const KeepErrno keep;
        for (nfds_t i = 0; i < count && used_ < entries_.size() && fds != nullptr; ++i) {
            if (fds[i].fd < 0 || (fds[i].events & (POLLIN | POLLOUT)) == 0) continue;
            const std::uint64_t exported = sync_file(fds[i].fd);
            const std::uint64_t ino = exported != 0 ? exported : dma_buf(fds[i].fd);
            if (ino == 0) continue;
            entries_[used_++] = {i, ino, exported != 0};
            Line line{exported != 0 ? "call_sync_poll" : "call_poll"};
            line.ino = ino;
            emit(line);
        }
    }
    void tell(const pollfd* fds, int result) const {
        for (std::size_t i = 0; i < used_; ++i) {
            const Entry& entry = entries_[i];
            Line line{entry.exported ? "call_sync_poll_end" : "call_poll_end"};
            line.ino = entry.ino;
            line.value = result > 0 ? fds[entry.at].revents & (POLLIN | POLLOUT) : 0;
            emit(line);
        }
    }

  private:
    struct Entry {
        nfds_t at;
        std::uint64_t ino;
        bool exported;
    };
    std::array<Entry, 16> entries_{};
    std::size_t used_ = 0;
};

int observed_ioctl(int fd, unsigned long request, void* argument) {
    // A kernel looks at 32 bits of it; some programs pass a signed int.
    request &= 0xffffffffU;
    if (marker.fd < 0 || argument == nullptr) return real_ioctl(fd, request, argument);
    switch (request) {
        case VIDIOC_QBUF:
            before_queue(fd, *static_cast<v4l2_buffer*>(argument));
            break;
        case DMA_BUF_IOCTL_SYNC:
            return synchronize(fd, static_cast<dma_buf_sync*>(argument));
        case DRM_IOCTL_MODE_ATOMIC:
            return commit(fd, static_cast<drm_mode_atomic*>(argument));
        case DRM_IOCTL_MODE_PAGE_FLIP:
            before_flip(fd, static_cast<drm_mode_crtc_page_flip*>(argument)->fb_id);
            break;
        default:
            break;
    }
    const int result = real_ioctl(fd, request, argument);
    if (request == DRM_IOCTL_MODE_PAGE_FLIP) emit(Line{"call_commit_end"});
    if (result != 0) return result;
    switch (request) {
        case VIDIOC_QBUF:
            queued.count(fd, static_cast<v4l2_buffer*>(argument)->type);
            break;
        case VIDIOC_EXPBUF:
            after_export(fd, *static_cast<v4l2_exportbuffer*>(argument));
            break;
        case DMA_BUF_IOCTL_EXPORT_SYNC_FILE:
            after_export_sync(fd, *static_cast<dma_buf_export_sync_file*>(argument));
            break;
        case DMA_BUF_IOCTL_IMPORT_SYNC_FILE: {
            const KeepErrno keep;
            after_import_sync(fd, *static_cast<dma_buf_import_sync_file*>(argument));
            break;
        }
        case DRM_IOCTL_PRIME_FD_TO_HANDLE: {
            const auto& prime = *static_cast<drm_prime_handle*>(argument);
            handles.put(fd, prime.handle, inode_of(prime.fd));
            break;
        }
        case DRM_IOCTL_MODE_ADDFB2: {
            const auto& framebuffer = *static_cast<drm_mode_fb_cmd2*>(argument);
            const std::uint64_t ino = handles.get(fd, framebuffer.handles[0]);
            if (ino != 0) framebuffers.put(fd, framebuffer.fb_id, ino);
            break;
        }
        default:
            break;
    }
    return result;
}

int observed_poll(pollfd* fds, nfds_t count, int timeout) {
    const auto real = next_poll.get();
    if (marker.fd < 0) return real(fds, count, timeout);
    const Watched watched{fds, count};
    const int result = real(fds, count, timeout);
    watched.tell(fds, result);
    return result;
}

int observed_ppoll(pollfd* fds, nfds_t count, const timespec* timeout, const sigset_t* mask) {
    const auto real = next_ppoll.get();
    if (marker.fd < 0) return real(fds, count, timeout, mask);
    const Watched watched{fds, count};
    const int result = real(fds, count, timeout, mask);
    watched.tell(fds, result);
    return result;
}

}  // namespace

extern "C" {

// As glibc declares them; the header's attributes are not repeated.
int ioctl(int fd, unsigned long request, ...) noexcept {
    std::va_list arguments;
    va_start(arguments, request);
    void* const argument = va_arg(arguments, void*);
    va_end(arguments);
    return observed_ioctl(fd, request, argument);
}

int poll(pollfd* fds, nfds_t count, int timeout) {
    return observed_poll(fds, count, timeout);
}

int ppoll(pollfd* fds, nfds_t count, const timespec* timeout, const sigset_t* mask) {
    return observed_ppoll(fds, count, timeout, mask);
}

// What poll() and ppoll() become in programs that are built with _FORTIFY_SOURCE.
int __poll_chk(pollfd* fds, nfds_t count, int timeout, std::size_t /*size*/) {  // NOLINT
    return observed_poll(fds, count, timeout);
}

int __ppoll_chk(pollfd* fds, nfds_t count, const timespec* timeout,  // NOLINT
                const sigset_t* mask, std::size_t /*size*/) {
    return observed_ppoll(fds, count, timeout, mask);
}

int close(int fd) {
    if (fd >= 0 && static_cast<std::size_t>(fd) < sync_files.size())
        sync_files[static_cast<std::size_t>(fd)].store(0);
    queued.forget(fd);
    return next_close.get()(fd);
}
}
