// SPDX-License-Identifier: MIT
#include "players/vp8_clip.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <vpx/vp8cx.h>
#include <vpx/vpx_encoder.h>

#include <relfence/image/scene.hpp>

namespace relfence::players {
namespace {

constexpr vpx_enc_frame_flags_t from_last_frame_alone =
    VP8_EFLAG_NO_REF_GF | VP8_EFLAG_NO_REF_ARF | VP8_EFLAG_NO_UPD_GF | VP8_EFLAG_NO_UPD_ARF;
/// Fine enough for psnr_bound.
constexpr unsigned coarsest_quantizer = 16;

/// libvpx's encoder. Not movable: libvpx keeps its address.
class Encoder {
  public:
    Encoder() = default;
    Encoder(const Encoder&) = delete;
    Encoder& operator=(const Encoder&) = delete;
    ~Encoder() { vpx_codec_destroy(&context_); }

    Result<void> start() {
        vpx_codec_enc_cfg_t config{};
        if (vpx_codec_enc_config_default(vpx_codec_vp8_cx(), &config, 0) != VPX_CODEC_OK)
            return fail("has no defaults", "libvpx");
        config.g_w = clip_width;
        config.g_h = clip_height;
        config.g_timebase = {1, 30};
        config.g_lag_in_frames = 0;
        config.kf_mode = VPX_KF_DISABLED;
        config.rc_target_bitrate = 20000;
        config.rc_max_quantizer = coarsest_quantizer;
        if (vpx_codec_enc_init(&context_, vpx_codec_vp8_cx(), &config, 0) != VPX_CODEC_OK ||
            vpx_codec_control(&context_, VP8E_SET_CPUUSED, -12) != VPX_CODEC_OK)
            return fail(vpx_codec_error(&context_), "libvpx");
        return {};
    }

    Result<std::vector<std::uint8_t>> encode(image::Frame& picture, unsigned index) {
        vpx_image_t image{};
        vpx_img_wrap(&image, VPX_IMG_FMT_I420, picture.width, picture.height, 1,
                     picture.bytes.data());
        if (vpx_codec_encode(&context_, &image, index, 1, index == 0 ? 0 : from_last_frame_alone,
                             VPX_DL_REALTIME) != VPX_CODEC_OK)
            return fail(vpx_codec_error(&context_), "libvpx");
        vpx_codec_iter_t iterator = nullptr;
        const vpx_codec_cx_pkt_t* const packet = vpx_codec_get_cx_data(&context_, &iterator);
        if (packet == nullptr || packet->kind != VPX_CODEC_CX_FRAME_PKT)
            return fail("makes no frame", "libvpx");
        const auto* const bytes = static_cast<const std::uint8_t*>(packet->data.frame.buf);
        return std::vector<std::uint8_t>{bytes, bytes + packet->data.frame.sz};
    }

  private:
    vpx_codec_ctx_t context_{};
};

Result<Clip> encode_clip(unsigned frames, unsigned first) {
    Clip clip{image::Layout::nv12, clip_width, clip_height, first};
    Encoder encoder;
    if (auto ok = encoder.start(); !ok) return tl::make_unexpected(ok.error());
    for (unsigned index = 0; index < frames; ++index) {
        auto picture =
            image::convert(image::draw_scene(clip.width, clip.height, first + index).view(),
                           image::Layout::yuv420);
        if (!picture) return tl::make_unexpected(picture.error());
        auto coded = encoder.encode(*picture, index);
        if (!coded) return tl::make_unexpected(coded.error());
        clip.coded.push_back(std::move(*coded));
    }
    return clip;
}

}  // namespace

Result<Clip> make_vp8_clip(unsigned frames, unsigned first) {
    // A frame depends on those before it alone, so a shorter clip is the start of a longer one.
    static std::map<unsigned, Clip> all;
    Clip& made = all[first];
    if (made.coded.size() < frames) {
        auto clip = encode_clip(frames, first);
        if (!clip) return clip;
        made = std::move(*clip);
    }
    Clip clip = made;
    clip.coded.resize(frames);
    return clip;
}

}  // namespace relfence::players
