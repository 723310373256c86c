// SPDX-License-Identifier: MIT
#include "rga_soak.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <linux/videodev2.h>
#include <random>
#include <vector>

#include <relfence/v4l2/device.hpp>
#include <relfence/v4l2/stream.hpp>

namespace relfence::bench {
namespace {

using Bytes = std::vector<std::uint8_t>;

/// What a converter is asked for.
struct Kind {
    const char* name;
    std::uint32_t in, out;
    int degrees;
    unsigned width, height;
    /// How far a byte may be off: a conversion rounds.
    int tolerance;
};
constexpr std::array<Kind, 3> kinds{{
    {"RGA NV12 copy", V4L2_PIX_FMT_NV12, V4L2_PIX_FMT_NV12, 0, 640, 368, 0},
    {"RGA XBGR32 turned", V4L2_PIX_FMT_XBGR32, V4L2_PIX_FMT_XBGR32, 180, 320, 240, 0},
    {"RGA NV12 to XBGR32", V4L2_PIX_FMT_NV12, V4L2_PIX_FMT_XBGR32, 0, 176, 144, 3},
}};
constexpr std::size_t xbgr_bytes = 4;

/// BT.601 of limited range, from its definition.
void put_pixel(std::uint8_t* bgrx, double y, double u, double v) {
    const double luma = (y - 16) * 255 / 219;
    const double cb = (u - 128) * 255 / 224, cr = (v - 128) * 255 / 224;
    const double red = luma + 1.402 * cr, blue = luma + 1.772 * cb;
    const double green = (luma - 0.299 * red - 0.114 * blue) / 0.587;
    const std::array colours{blue, green, red};
    for (std::size_t i = 0; i < colours.size(); ++i)
        bgrx[i] = static_cast<std::uint8_t>(std::clamp(std::lround(colours[i]), 0L, 255L));
}

/// The picture that has to come out.
Bytes expected_of(const Kind& kind, const Bytes& in) {
    const std::size_t width = kind.width, pixels = width * kind.height;
    Bytes out = in;
    if (kind.degrees == 180) {
        for (std::size_t i = 0; i < pixels; ++i)
            std::copy_n(&in[i * xbgr_bytes], xbgr_bytes, &out[(pixels - 1 - i) * xbgr_bytes]);
    } else if (kind.in != kind.out) {
        out.assign(pixels * xbgr_bytes, 0);
        for (std::size_t i = 0; i < pixels; ++i) {
            const std::size_t pair = pixels + i / width / 2 * width + i % width / 2 * 2;
            put_pixel(&out[i * xbgr_bytes], in[i], in[pair], in[pair + 1]);
        }
    }
    return out;
}

bool same(const Kind& kind, std::span<const std::uint8_t> seen, const Bytes& wanted) {
    if (seen.size() < wanted.size()) return false;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        // The fourth byte of a pixel means nothing.
        if (kind.out == V4L2_PIX_FMT_XBGR32 && i % xbgr_bytes == 3) continue;
        if (std::abs(int{seen[i]} - int{wanted[i]}) > kind.tolerance) return false;
    }
    return true;
}

}  // namespace

Result<SoakCount> soak_converter(unsigned number, SoakEnd end) {
    const Kind& kind = kinds[number % kinds.size()];
    auto fd = v4l2::open_video("rockchip-rga");
    if (!fd) return tl::make_unexpected(fd.error());
    const auto in = v4l2::set_format(fd->get(), V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE,
                                     {kind.in, kind.width, kind.height});
    if (!in) return tl::make_unexpected(in.error());
    const auto out = v4l2::set_format(fd->get(), V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE,
                                      {kind.out, kind.width, kind.height});
    if (!out) return tl::make_unexpected(out.error());
    v4l2_control turn{V4L2_CID_ROTATE, kind.degrees};
    if (auto ok = v4l2::call(fd->get(), VIDIOC_S_CTRL, &turn, "VIDIOC_S_CTRL"); !ok)
        return tl::make_unexpected(ok.error());

    constexpr unsigned pictures = 3;
    auto input = v4l2::Stream::create(fd->get(), V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE, pictures);
    if (!input) return tl::make_unexpected(input.error());
    auto output = v4l2::Stream::create(fd->get(), V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE, 1);
    if (!output) return tl::make_unexpected(output.error());
    std::mt19937 random{number + 1};
    std::vector<Bytes> expected;
    for (unsigned i = 0; i < pictures; ++i) {
        Bytes picture(in->size);
        for (std::uint8_t& byte : picture) byte = static_cast<std::uint8_t>(random());
        std::ranges::copy(picture, input->memory(i).begin());
        expected.push_back(expected_of(kind, picture));
    }
    for (const v4l2::Stream* stream : {&*input, &*output})
        if (auto ok = stream->on(); !ok) return tl::make_unexpected(ok.error());

    SoakCount count{.client = fmt::format("{} {}x{}", kind.name, kind.width, kind.height)};
    while (std::chrono::steady_clock::now() < end) {
        const auto picture = static_cast<unsigned>(count.jobs % pictures);
        if (auto ok = output->queue(0, {}); !ok) return tl::make_unexpected(ok.error());
        if (auto ok = input->queue(picture, {.used = in->size}); !ok)
            return tl::make_unexpected(ok.error());
        const auto done = output->dequeue();
        if (!done && done.error().code == ETIMEDOUT) {
            ++count.lost;
            return count;
        }
        if (!done) return tl::make_unexpected(done.error());
        if (auto ok = input->dequeue(); !ok) return tl::make_unexpected(ok.error());
        ++count.jobs;
        if (done->error) {
            ++count.errors;
        } else if (!same(kind, output->memory(0), expected[picture])) {
            ++count.wrong;
        }
    }
    return count;
}

}  // namespace relfence::bench
