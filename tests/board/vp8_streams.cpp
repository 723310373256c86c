// SPDX-License-Identifier: MIT
#include "vp8_streams.hpp"

#include <stdexcept>
#include <string>
#include <vpx/vp8cx.h>
#include <vpx/vpx_encoder.h>

namespace relfence::testing {
namespace {

void must(vpx_codec_err_t result, const char* what) {
    if (result != VPX_CODEC_OK)
        throw std::runtime_error{std::string{what} + ": " + vpx_codec_err_to_string(result)};
}

/// The value of a lattice point of the texture.
unsigned noise(unsigned x, unsigned y, unsigned seed) {
    std::uint32_t mixed = x * 0x9e3779b1U ^ y * 0x85ebca77U ^ seed * 0xc2b2ae3dU;
    mixed ^= mixed >> 15U;
    mixed *= 0x2c1b3c6dU;
    mixed ^= mixed >> 13U;
    return mixed & 0xffU;
}

/// The texture between its lattice points of @p step pixels, at sixteenths of a pixel.
unsigned texture(unsigned x, unsigned y, unsigned step, unsigned seed) {
    const unsigned cell = step * 16;
    const unsigned left = x / cell, top = y / cell;
    const unsigned fx = x % cell, fy = y % cell;
    const unsigned upper = noise(left, top, seed) * (cell - fx) + noise(left + 1, top, seed) * fx;
    const unsigned lower =
        noise(left, top + 1, seed) * (cell - fx) + noise(left + 1, top + 1, seed) * fx;
    return (upper / cell * (cell - fy) + lower / cell * fy) / cell;
}

void draw(vpx_image_t& image, unsigned index) {
    // Every 20 frames another scene.
    const unsigned scene = index / 20;
    for (int plane = 0; plane < 3; ++plane) {
        const unsigned scale = plane == 0 ? 1 : 2;
        const unsigned width = (image.d_w + scale - 1) / scale;
        const unsigned height = (image.d_h + scale - 1) / scale;
        for (unsigned y = 0; y < height; ++y) {
            auto* const line =
                image.planes[plane] + static_cast<std::ptrdiff_t>(image.stride[plane]) * y;
            for (unsigned x = 0; x < width; ++x) {
                // The upper half moves slowly and in fractions, the lower one fast and the other
                // way, and a square crosses both and hides what lies behind.
                const unsigned px = x * scale, py = y * scale;
                const bool lower = py * 2 > image.d_h;
                const unsigned at_x =
                    65536 + px * 16 + (lower ? index * 75 : 0) - (lower ? 0 : index * 11);
                const unsigned at_y = 65536 + py * 16 + index * (lower ? 5 : 9);
                const bool square = (px + 300 - index * 7 % 300) % 300 < 40 && py % 90 < 50;
                const unsigned fine =
                    texture(at_x, at_y, square ? 3 : 5,
                            scene * 7 + static_cast<unsigned>(plane) + (square ? 99 : 0));
                const unsigned coarse =
                    texture(at_x, at_y, 40, scene + 1000 + static_cast<unsigned>(plane));
                line[x] = static_cast<std::uint8_t>(plane == 0 ? (fine + coarse * 3) / 4
                                                               : (fine + coarse * 7) / 8);
            }
        }
    }
}

/// Four segments in stripes whose places depend on @p step.
void set_segments(vpx_codec_ctx_t& context, unsigned width, unsigned height, unsigned step) {
    const unsigned columns = (width + 15) / 16, rows = (height + 15) / 16;
    std::vector<std::uint8_t> map(std::size_t{columns} * rows);
    for (unsigned i = 0; i < map.size(); ++i)
        map[i] = static_cast<std::uint8_t>((i % columns + i / columns * 2 + step) / 2 % 4);
    vpx_roi_map_t roi{};
    roi.roi_map = map.data();
    roi.rows = rows;
    roi.cols = columns;
    const int quantisers[] = {0, -12, 15, -25};
    const int levels[] = {0, 5, -7, 12};
    for (int i = 0; i < 4; ++i) {
        roi.delta_q[i] = quantisers[i];
        roi.delta_lf[i] = levels[i];
    }
    must(vpx_codec_control(&context, VP8E_SET_ROI_MAP, &roi), "segment map");
}

void take_packets(vpx_codec_ctx_t& context, Vp8Stream& stream,
                  std::vector<std::uint8_t>& statistics) {
    vpx_codec_iter_t iterator = nullptr;
    while (const vpx_codec_cx_pkt_t* const packet = vpx_codec_get_cx_data(&context, &iterator)) {
        if (packet->kind == VPX_CODEC_CX_FRAME_PKT) {
            const auto* const bytes = static_cast<const std::uint8_t*>(packet->data.frame.buf);
            stream.emplace_back(bytes, bytes + packet->data.frame.sz);
        } else if (packet->kind == VPX_CODEC_STATS_PKT) {
            const auto* const bytes =
                static_cast<const std::uint8_t*>(packet->data.twopass_stats.buf);
            statistics.insert(statistics.end(), bytes, bytes + packet->data.twopass_stats.sz);
        }
    }
}

/// One run over the pictures. @param statistics of the first pass: written by it, read by the last
Vp8Stream run(const Vp8Wish& wish, vpx_enc_pass pass, std::vector<std::uint8_t>& statistics) {
    vpx_codec_enc_cfg_t config{};
    must(vpx_codec_enc_config_default(vpx_codec_vp8_cx(), &config, 0), "defaults");
    config.g_w = wish.width;
    config.g_h = wish.height;
    config.g_timebase = {1, 30};
    config.g_threads = 1;
    config.g_profile = wish.version;
    config.g_pass = pass;
    if (pass == VPX_RC_LAST_PASS)
        config.rc_twopass_stats_in = {statistics.data(), statistics.size()};
    config.rc_target_bitrate = wish.kilobits;
    config.g_lag_in_frames = wish.alternative ? 16 : 0;
    config.kf_max_dist = wish.alternative ? 128 : 25;
    config.g_error_resilient =
        wish.resilient ? VPX_ERROR_RESILIENT_DEFAULT | VPX_ERROR_RESILIENT_PARTITIONS : 0;
    vpx_codec_ctx_t context{};
    must(vpx_codec_enc_init(&context, vpx_codec_vp8_cx(), &config, 0), "init");
    must(vpx_codec_control(&context, VP8E_SET_CPUUSED, wish.segments ? -6 : 4), "speed");
    must(vpx_codec_control(&context, VP8E_SET_TOKEN_PARTITIONS,
                           static_cast<int>(wish.log2_partitions)),
         "partitions");
    must(vpx_codec_control(&context, VP8E_SET_SHARPNESS, wish.sharpness), "sharpness");
    must(vpx_codec_control(&context, VP8E_SET_ENABLEAUTOALTREF, wish.alternative ? 1U : 0U),
         "alternative frames");

    Vp8Stream stream;
    const unsigned long deadline = wish.segments ? VPX_DL_REALTIME : VPX_DL_GOOD_QUALITY;
    for (unsigned i = 0; i < wish.frames; ++i) {
        if (wish.shrink_at != 0 && i == wish.shrink_at) {
            config.g_w = (wish.width + 1) / 2;
            config.g_h = (wish.height + 1) / 2;
            must(vpx_codec_enc_config_set(&context, &config), "another size");
        }
        if (wish.segments && i % 7 == 3) set_segments(context, config.g_w, config.g_h, i);
        vpx_image_t* const image =
            vpx_img_alloc(nullptr, VPX_IMG_FMT_I420, config.g_w, config.g_h, 16);
        if (image == nullptr) throw std::bad_alloc{};
        draw(*image, i);
        must(vpx_codec_encode(&context, image, i, 1, 0, deadline), "encode");
        vpx_img_free(image);
        take_packets(context, stream, statistics);
    }
    must(vpx_codec_encode(&context, nullptr, 0, 1, 0, deadline), "flush");
    take_packets(context, stream, statistics);
    vpx_codec_destroy(&context);
    return stream;
}

}  // namespace

Vp8Stream encode_vp8(const Vp8Wish& wish) {
    std::vector<std::uint8_t> statistics;
    if (!wish.alternative) return run(wish, VPX_RC_ONE_PASS, statistics);
    // Only a second pass makes alternative frames.
    run(wish, VPX_RC_FIRST_PASS, statistics);
    return run(wish, VPX_RC_LAST_PASS, statistics);
}

}  // namespace relfence::testing
