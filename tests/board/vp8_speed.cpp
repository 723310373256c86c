// SPDX-License-Identifier: MIT
// How fast the VP8 engine is beside libvpx alone, on one thread and on the same stream.
// Usage: vp8_speed [WIDTH HEIGHT KILOBITS]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vpx/vp8dx.h>
#include <vpx/vpx_decoder.h>

#include <fmt/format.h>

#include "vp8_player.hpp"
#include "vp8_streams.hpp"

namespace relfence::testing {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Seconds that libvpx alone takes, without looking at the pictures.
double native(const Vp8Stream& stream) {
    vpx_codec_ctx_t context{};
    const vpx_codec_dec_cfg_t config{1, 0, 0};
    vpx_codec_dec_init(&context, vpx_codec_vp8_dx(), &config, 0);
    const auto start = Clock::now();
    for (const auto& frame : stream) {
        vpx_codec_decode(&context, frame.data(), static_cast<unsigned>(frame.size()), nullptr, 0);
        vpx_codec_iter_t iterator = nullptr;
        vpx_codec_get_frame(&context, &iterator);
    }
    const double seconds = seconds_since(start);
    vpx_codec_destroy(&context);
    return seconds;
}

/// Seconds that the engine's jobs take, from registers to what they write, without the writing.
double engine(const Vp8Stream& stream) {
    board::vpu::Vp8Decoder decoder;
    Vp8Player player{decoder};
    player.skip_pictures();
    for (const auto& frame : stream)
        if (const auto picture = player.play(frame); !picture) {
            fmt::print(stderr, "{}\n", picture.error().message());
            std::exit(1);
        }
    return player.seconds();
}

}  // namespace
}  // namespace relfence::testing

int main(int argc, char** argv) {
    using namespace relfence::testing;
    Vp8Wish wish{.width = 1920, .height = 1080, .frames = 60, .kilobits = 8000};
    if (argc == 4) {
        wish.width = static_cast<unsigned>(std::atoi(argv[1]));
        wish.height = static_cast<unsigned>(std::atoi(argv[2]));
        wish.kilobits = static_cast<unsigned>(std::atoi(argv[3]));
    }
    const auto stream = encode_vp8(wish);
    const auto frames = static_cast<double>(stream.size());
    for (int round = 0; round < 5; ++round) {
        const double alone = native(stream);
        const double modelled = engine(stream);
        fmt::print(
            "{}x{}, {} kbit/s: libvpx {:.1f} frames/s, engine {:.1f} frames/s, ratio {:.2f}\n",
            wish.width, wish.height, wish.kilobits, frames / alone, frames / modelled,
            alone / modelled);
    }
}
