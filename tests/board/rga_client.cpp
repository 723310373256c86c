// SPDX-License-Identifier: MIT
// A program for the guest: asks the real driver for jobs and compares what it gets with
// rga_reference.hpp. Prints a line per job and a total; ends with 0 if all match, 1 if not, 2 if
// the device does not do as it is told. relfence-board has the device:
//   relfence-board --board fresnel --directory . ; linux dtb=board.dtb ... ; in it: rga-client
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <linux/videodev2.h>
#include <poll.h>
#include <random>
#include <string>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#include "rga_driver.hpp"
#include "rga_reference.hpp"

namespace {

using namespace rga_test;

[[noreturn]] void give_up(const char* what) {
    std::printf("%s: %s\n", what, std::strerror(errno));
    std::exit(2);
}

std::uint32_t fourcc(const Format& f) {
    static const std::map<std::string, std::uint32_t> codes = {
        {"ARGB32", V4L2_PIX_FMT_ARGB32},   {"ABGR32", V4L2_PIX_FMT_ABGR32},
        {"XBGR32", V4L2_PIX_FMT_XBGR32},   {"RGB24", V4L2_PIX_FMT_RGB24},
        {"BGR24", V4L2_PIX_FMT_BGR24},     {"RGB565", V4L2_PIX_FMT_RGB565},
        {"NV21", V4L2_PIX_FMT_NV21},       {"NV61", V4L2_PIX_FMT_NV61},
        {"NV12", V4L2_PIX_FMT_NV12},       {"NV12M", V4L2_PIX_FMT_NV12M},
        {"NV16", V4L2_PIX_FMT_NV16},       {"YUV420", V4L2_PIX_FMT_YUV420},
        {"YUV422P", V4L2_PIX_FMT_YUV422P}, {"YVU420", V4L2_PIX_FMT_YVU420}};
    return codes.at(f.name);
}

/// One of the two queues, with one buffer.
class Queue {
  public:
    Queue(int fd, v4l2_buf_type type, const Frame& frame) : fd_(fd), type_(type), frame_(frame) {
        v4l2_format format{};
        format.type = type;
        auto& pix = format.fmt.pix_mp;
        pix.width = frame.width;
        pix.height = frame.height;
        pix.pixelformat = fourcc(*frame.fmt);
        pix.colorspace = frame.rec709 ? V4L2_COLORSPACE_REC709 : V4L2_COLORSPACE_SMPTE170M;
        check(ioctl(fd, VIDIOC_S_FMT, &format), "VIDIOC_S_FMT");
        if (pix.pixelformat != fourcc(*frame.fmt) || pix.width != frame.width ||
            pix.plane_fmt[0].bytesperline != frame.stride) {
            errno = EINVAL;
            give_up("another format than asked for");
        }
        v4l2_selection selection{};
        selection.type = output() ? V4L2_BUF_TYPE_VIDEO_OUTPUT : V4L2_BUF_TYPE_VIDEO_CAPTURE;
        selection.target = output() ? V4L2_SEL_TGT_CROP : V4L2_SEL_TGT_COMPOSE;
        const Rect& r = frame.crop;
        selection.r = {int(r.left), int(r.top), r.width, r.height};
        check(ioctl(fd, VIDIOC_S_SELECTION, &selection), "VIDIOC_S_SELECTION");
        v4l2_requestbuffers request{};
        request.type = type;
        request.memory = V4L2_MEMORY_MMAP;
        request.count = 1;
        check(ioctl(fd, VIDIOC_REQBUFS, &request), "VIDIOC_REQBUFS");
        planes_.resize(frame.plane_sizes.size());
        v4l2_buffer buffer = describe();
        check(ioctl(fd, VIDIOC_QUERYBUF, &buffer), "VIDIOC_QUERYBUF");
        for (const v4l2_plane& plane : planes_) {
            void* at = ::mmap(nullptr, plane.length, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                              plane.m.mem_offset);
            if (at == MAP_FAILED) give_up("mmap");
            maps_.push_back({static_cast<std::uint8_t*>(at), plane.length});
        }
        std::array<std::uint32_t, 3> offsets{};
        std::uint32_t end = 0;
        std::size_t plane = 0;
        for (; plane < maps_.size(); ++plane) {
            offsets[plane] = end;
            end += (std::uint32_t(maps_[plane].size()) + 4095) / 4096 * 4096;
        }
        const std::uint32_t luma = frame.width * frame.height;
        for (; plane < frame.fmt->comp_planes; ++plane)
            offsets[plane] = plane == 1 ? luma : luma + luma / frame.fmt->uv_factor;
        offsets_ = {offsets[0], offsets[1], offsets[2]};
    }
    Queue(const Queue&) = delete;
    Queue& operator=(const Queue&) = delete;
    ~Queue() {
        for (auto map : maps_) ::munmap(map.data(), map.size());
        int type = int(type_);
        ioctl(fd_, VIDIOC_STREAMOFF, &type);
        v4l2_requestbuffers request{};
        request.type = type_;
        request.memory = V4L2_MEMORY_MMAP;
        ioctl(fd_, VIDIOC_REQBUFS, &request);
    }
    void fill(const std::function<std::uint8_t()>& next) {
        for (auto map : maps_) {
            for (auto& byte : map) byte = next();
        }
    }
    void queue() {
        v4l2_buffer buffer = describe();
        for (auto& plane : planes_) plane.bytesused = plane.length;
        check(ioctl(fd_, VIDIOC_QBUF, &buffer), "VIDIOC_QBUF");
        int type = int(type_);
        check(ioctl(fd_, VIDIOC_STREAMON, &type), "VIDIOC_STREAMON");
    }
    void dequeue() {
        v4l2_buffer buffer = describe();
        check(ioctl(fd_, VIDIOC_DQBUF, &buffer), "VIDIOC_DQBUF");
        if ((buffer.flags & V4L2_BUF_FLAG_ERROR) != 0) {
            errno = EIO;
            give_up("a buffer came back with an error");
        }
    }
    [[nodiscard]] Picture picture() const {
        std::vector<std::uint8_t> bytes;
        for (const auto map : maps_) {
            bytes.insert(bytes.end(), map.begin(), map.end());
            bytes.resize((bytes.size() + 4095) / 4096 * 4096);
        }
        return read(frame_, offsets_, bytes);
    }

  private:
    [[nodiscard]] bool output() const { return type_ == V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE; }
    static void check(int result, const char* what) {
        if (result < 0) give_up(what);
    }
    v4l2_buffer describe() {
        v4l2_buffer buffer{};
        buffer.type = type_;
        buffer.memory = V4L2_MEMORY_MMAP;
        buffer.length = std::uint32_t(planes_.size());
        buffer.m.planes = planes_.data();
        return buffer;
    }
    int fd_;
    v4l2_buf_type type_;
    Frame frame_;
    std::vector<v4l2_plane> planes_;
    std::vector<std::span<std::uint8_t>> maps_;
    Offsets offsets_;
};

int open_rga() {
    for (int i = 0; i < 16; ++i) {
        const std::string path = "/dev/video" + std::to_string(i);
        const int fd = ::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
        v4l2_capability caps{};
        if (fd >= 0 && ioctl(fd, VIDIOC_QUERYCAP, &caps) == 0 &&
            std::strcmp(reinterpret_cast<const char*>(caps.driver), "rockchip-rga") == 0)
            return fd;
        if (fd >= 0) ::close(fd);
    }
    errno = ENODEV;
    give_up("rockchip-rga");
}

void set(int fd, std::uint32_t id, int value) {
    v4l2_control control{id, value};
    if (ioctl(fd, VIDIOC_S_CTRL, &control) < 0) give_up("VIDIOC_S_CTRL");
}

bool expect_wrong = false;

/// @return whether the result is what it should be
bool job(int fd, const Frame& in, const Frame& out, const Controls& controls) {
    set(fd, V4L2_CID_HFLIP, controls.hflip);
    set(fd, V4L2_CID_VFLIP, controls.vflip);
    set(fd, V4L2_CID_ROTATE, int(controls.rotate));
    Queue source(fd, V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE, in);
    Queue target(fd, V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE, out);
    std::mt19937 random(3);
    const bool scales = controls.rotate % 180 == 0
                            ? in.crop.width != out.crop.width || in.crop.height != out.crop.height
                            : in.crop.width != out.crop.height || in.crop.height != out.crop.width;
    // Noise, or one colour where the filters of a scaler would have to be known.
    source.fill([&] { return scales ? std::uint8_t(97) : std::uint8_t(random()); });
    target.fill([] { return std::uint8_t(0); });
    source.queue();
    target.queue();
    pollfd wait{fd, POLLIN, 0};
    if (::poll(&wait, 1, 10000) != 1) {
        errno = ETIMEDOUT;
        give_up("poll");
    }
    target.dequeue();
    source.dequeue();
    Picture want = source.picture();
    if (scales) {
        Picture flat(out.crop.width, out.crop.height);
        for (Pixel& p : flat.pixels) p = want.pixels[0];
        want = flat;
    } else {
        want = turned(want, controls.rotate, controls.vflip, controls.hflip != expect_wrong);
    }
    if (in.fmt->yuv() && !out.fmt->yuv()) {
        // Converted before it is turned, which comes to the same.
        want = each_pixel(want, [&](const Pixel& p) { return yuv_to_rgb(p, in.rec709); });
    } else if (!in.fmt->yuv() && out.fmt->yuv()) {
        want = each_pixel(want, [&](const Pixel& p) { return rgb_to_yuv(p, out.rec709); });
    }
    if (out.fmt->yuv()) {
        for (Pixel& p : want.pixels) p[3] = 255;
    }
    const double off =
        excess(target.picture(), with_chroma_of(want, *out.fmt), tolerance(*out.fmt, 3));
    std::printf("%s %s %ux%u -> %s %ux%u rotate %u hflip %d vflip %d%s\n",
                off <= 0 ? "ok    " : "differ", in.fmt->name, in.crop.width, in.crop.height,
                out.fmt->name, out.crop.width, out.crop.height, controls.rotate, controls.hflip,
                controls.vflip, in.rec709 ? " Rec. 709" : "");
    return off <= 0;
}

}  // namespace

int main(int argc, char** argv) {
    bool quick = false;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (word == "--quick") {
            quick = true;
        } else if (word == "--control") {
            expect_wrong = true;
        } else {
            std::printf("%s",
                        "Usage: rga-client [--quick] [--control]\n"
                        "--quick    each format to and from NV12 and ABGR32 only\n"
                        "--control  expect every picture upside down: no job may match\n");
            return 2;
        }
    }
    const int fd = open_rga();
    int jobs = 0;
    int matches = 0;
    const auto run = [&](const Frame& in, const Frame& out, const Controls& controls = {}) {
        ++jobs;
        matches += job(fd, in, out, controls) ? 1 : 0;
    };
    const auto named = [](const Format& f, std::initializer_list<const char*> names) {
        return std::any_of(names.begin(), names.end(),
                           [&](const char* name) { return std::string(f.name) == name; });
    };
    for (const Format& from : kFormats) {
        for (const Format& to : kFormats) {
            // v4l2_format_info() does not know these two, and the driver does not survive that.
            if (named(from, {"ARGB444", "ARGB555"}) || named(to, {"ARGB444", "ARGB555"})) continue;
            if (quick && !named(from, {"NV12", "ABGR32"}) && !named(to, {"NV12", "ABGR32"}))
                continue;
            run({from, 64, 48}, {to, 64, 48});
            Frame in(from, 128, 96);
            in.rec709 = true;
            in.crop = {16, 8, 64, 48};
            Frame out(to, 96, 128);
            out.rec709 = true;
            out.crop = {8, 16, 48, 64};
            run(in, out, Controls{false, false, 90});
        }
    }
    for (const std::uint32_t rotate : {0U, 90U, 180U, 270U}) {
        for (const int flips : {0, 1, 2, 3}) {
            const bool quarter = rotate % 180 != 0;
            run({format("NV12"), 64, 48},
                {format("NV12"), quarter ? 48U : 64U, quarter ? 64U : 48U},
                Controls{(flips & 1) != 0, (flips & 2) != 0, rotate});
        }
    }
    run({format("NV12"), 640, 360}, {format("ABGR32"), 640, 360});
    if (!expect_wrong) {  // one colour: the same upside down
        run({format("NV12"), 1920, 1080}, {format("ABGR32"), 1280, 720});
        run({format("NV12"), 640, 360}, {format("RGB24"), 1280, 720});
    }
    std::printf("%d of %d match\n", matches, jobs);
    return matches == jobs ? 0 : 1;
}
