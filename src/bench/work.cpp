// SPDX-License-Identifier: MIT
#include "bench/work.hpp"

#include <fmt/format.h>

#include "players/converter_jobs.hpp"
#include "players/hantro_vp8_producer.hpp"
#include "players/vicodec_producer.hpp"
#include "players/visl_producer.hpp"
#include "players/vp8_clip.hpp"

namespace relfence::bench {
namespace {

using devices::Role;

/// Takes over what opened, or the error.
template <typename Source>
Result<void> take(AtWork& work, Result<std::unique_ptr<Source>> source) {
    if (!source) return tl::make_unexpected(source.error());
    work.source = std::move(*source);
    return {};
}

Result<void> take_clip(AtWork& work, Result<players::Clip> clip) {
    if (!clip) return tl::make_unexpected(clip.error());
    work.clip = std::make_unique<players::Clip>(std::move(*clip));
    return {};
}

}  // namespace

Result<AtWork> open_work(const devices::VideoDevice& device, unsigned depth, unsigned frames) {
    const std::string size = fmt::format("{}x{}", players::clip_width, players::clip_height);
    AtWork work;
    Result<void> open = fail("does nothing that can be measured here", device.path,
                             "relfence list tells what it does");
    if (device.driver == "vicodec" && device.role == Role::stateful_decoder) {
        work.job = "decode FWHT " + size;
        open = take_clip(work, players::make_clip(image::Layout::nv12, frames));
        if (open) open = take(work, players::open_vicodec(*work.clip, depth));
    } else if (device.driver == "hantro-vpu" && device.role == Role::stateless_decoder) {
        work.job = "decode VP8 " + size;
        open = take_clip(work, players::make_vp8_clip(frames));
        if (open) open = take(work, players::open_hantro_vp8(*work.clip, depth));
    } else if (device.driver == "visl") {
        work.job = "draw a test picture " + size;
        open = take(work, players::open_visl(depth));
    } else if (device.driver == "rockchip-rga") {
        work.job = "copy NV12 64x64";
        open = take(work, players::open_rga(depth, {}));
    } else if (device.driver == "vim2m") {
        work.job = "copy RGB 64x64, 1 ms";
        open = take(work, players::open_vim2m(depth, {}, std::chrono::milliseconds{1}));
    }
    if (!open) return tl::make_unexpected(open.error());
    return work;
}

}  // namespace relfence::bench
