// SPDX-License-Identifier: MIT
#include "vp8_soak.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>
#include <vpx/vp8dx.h>
#include <vpx/vpx_decoder.h>

#include "vp8_client.hpp"

namespace relfence::bench {
namespace {

constexpr unsigned ahead = 2;

/// A picture as NV12, without padding.
struct Expected {
    std::vector<std::uint8_t> luma, chroma;
};

Expected expected_of(const vpx_image_t& image) {
    Expected result;
    const auto line = [&](int plane, unsigned y) {
        return image.planes[plane] + static_cast<std::ptrdiff_t>(image.stride[plane]) * y;
    };
    for (unsigned y = 0; y < image.d_h; ++y)
        result.luma.insert(result.luma.end(), line(0, y), line(0, y) + image.d_w);
    for (unsigned y = 0; y < (image.d_h + 1) / 2; ++y)
        for (unsigned x = 0; x < (image.d_w + 1) / 2; ++x)
            result.chroma.insert(result.chroma.end(), {line(1, y)[x], line(2, y)[x]});
    return result;
}

/// What each frame of a stream shows; nothing for one that is not shown.
Result<std::vector<Expected>> decode(const stateless::Ivf& clip) {
    vpx_codec_ctx_t context{};
    if (vpx_codec_dec_init(&context, vpx_codec_vp8_dx(), nullptr, 0) != VPX_CODEC_OK)
        return fail("does not begin", "libvpx");
    std::vector<Expected> all;
    for (const auto& frame : clip.frames) {
        if (vpx_codec_decode(&context, frame.data(), static_cast<unsigned>(frame.size()), nullptr,
                             0) != VPX_CODEC_OK)
            return fail("does not decode a frame", "libvpx");
        vpx_codec_iter_t iterator = nullptr;
        const vpx_image_t* const image = vpx_codec_get_frame(&context, &iterator);
        all.push_back(image != nullptr ? expected_of(*image) : Expected{});
    }
    vpx_codec_destroy(&context);
    return all;
}

bool same(const Expected& expected, const Vp8Client& client, const Vp8Client::Picture& picture,
          const stateless::Ivf& clip) {
    const auto plane = [&](std::size_t begin, std::size_t lines, std::size_t width,
                           const std::vector<std::uint8_t>& wanted) {
        for (std::size_t y = 0; y < lines; ++y)
            if (std::memcmp(&picture.nv12[begin + y * client.stride()], &wanted[y * width],
                            width) != 0)
                return false;
        return true;
    };
    return plane(0, clip.height, clip.width, expected.luma) &&
           plane(std::size_t{client.stride()} * client.lines(), (clip.height + 1) / 2,
                 (clip.width + 1) / 2 * std::size_t{2}, expected.chroma);
}

}  // namespace

Result<SoakCount> soak_decoder(const std::string& path, SoakEnd end) {
    const auto clip = stateless::read_ivf(path);
    if (!clip) return tl::make_unexpected(clip.error());
    const auto expected = decode(*clip);
    if (!expected) return tl::make_unexpected(expected.error());
    std::size_t largest = 0;
    for (const auto& frame : clip->frames) largest = std::max(largest, frame.size());
    auto client = Vp8Client::open(clip->width, clip->height, largest, ahead);
    if (!client) return tl::make_unexpected(client.error());

    SoakCount count{.client = fmt::format("VP8 {}x{}", clip->width, clip->height)};
    const auto frames = clip->frames.size();
    std::size_t submitted = 0;
    while (std::chrono::steady_clock::now() < end || !(*client)->idle()) {
        if (std::chrono::steady_clock::now() < end && (*client)->can_submit()) {
            if (auto ok = (*client)->submit(clip->frames[submitted++ % frames]); !ok)
                return tl::make_unexpected(ok.error());
            continue;
        }
        const auto picture = (*client)->finish();
        if (!picture && picture.error().code == ETIMEDOUT) {
            ++count.lost;
            return count;
        }
        if (!picture) return tl::make_unexpected(picture.error());
        const Expected& wanted = (*expected)[count.jobs++ % frames];
        if (picture->error) {
            ++count.errors;
        } else if (picture->shown && !same(wanted, **client, *picture, *clip)) {
            ++count.wrong;
        }
    }
    return count;
}

}  // namespace relfence::bench
