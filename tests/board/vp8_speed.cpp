// SPDX-License-Identifier: MIT
// How fast the VP8 engine is beside libvpx alone, on one thread and on the same stream.
// Times are the thread's own, so that others on the machine matter less.
// Usage: vp8_speed [FILE.ivf | WIDTH HEIGHT KILOBITS]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <malloc.h>
#include <numeric>
#include <vpx/vp8dx.h>
#include <vpx/vpx_decoder.h>

#include <fmt/format.h>

#include "stateless/ivf.hpp"
#include "vp8_player.hpp"
#include "vp8_streams.hpp"

namespace relfence::testing {
namespace {

/// The least that each frame took in any round: others on the machine only ever make it slower.
class Best {
  public:
    void add(std::size_t frame, double seconds) {
        if (frame == seconds_.size()) seconds_.push_back(seconds);
        seconds_[frame] = std::min(seconds_[frame], seconds);
    }
    [[nodiscard]] double frames_per_second() const {
        return static_cast<double>(seconds_.size()) /
               std::accumulate(seconds_.begin(), seconds_.end(), 0.0);
    }

  private:
    std::vector<double> seconds_;
};

/// libvpx alone, without looking at the pictures.
void native(const Vp8Stream& stream, Best& best) {
    vpx_codec_ctx_t context{};
    const vpx_codec_dec_cfg_t config{1, 0, 0};
    vpx_codec_dec_init(&context, vpx_codec_vp8_dx(), &config, 0);
    for (std::size_t i = 0; i < stream.size(); ++i) {
        const double start = processor_seconds();
        vpx_codec_decode(&context, stream[i].data(), static_cast<unsigned>(stream[i].size()),
                         nullptr, 0);
        vpx_codec_iter_t iterator = nullptr;
        vpx_codec_get_frame(&context, &iterator);
        best.add(i, processor_seconds() - start);
    }
    vpx_codec_destroy(&context);
}

/// The engine's jobs, from registers to what they write, without the writing.
void engine(const Vp8Stream& stream, Best& best) {
    board::vpu::Vp8Decoder decoder;
    Vp8Player player{decoder};
    player.skip_pictures();
    for (std::size_t i = 0; i < stream.size(); ++i) {
        const double before = player.seconds();
        if (const auto picture = player.play(stream[i]); !picture) {
            fmt::print(stderr, "{}\n", picture.error().message());
            std::exit(1);
        }
        best.add(i, player.seconds() - before);
    }
}

}  // namespace
}  // namespace relfence::testing

int main(int argc, char** argv) {
    // As the board does: what a picture's writes take is kept for the next.
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    using namespace relfence::testing;
    Vp8Wish wish{.width = 1920, .height = 1080, .frames = 60, .kilobits = 8000};
    if (argc == 4) {
        wish.width = static_cast<unsigned>(std::atoi(argv[1]));
        wish.height = static_cast<unsigned>(std::atoi(argv[2]));
        wish.kilobits = static_cast<unsigned>(std::atoi(argv[3]));
    }
    Vp8Stream stream;
    if (argc == 2) {
        auto clip = relfence::stateless::read_ivf(argv[1]);
        if (!clip) {
            fmt::print(stderr, "{}\n", clip.error().message());
            return 1;
        }
        stream = std::move(clip->frames);
    } else {
        stream = encode_vp8(wish);
    }
    Best alone, modelled;
    for (int round = 0; round < 8; ++round) {
        native(stream, alone);
        engine(stream, modelled);
    }
    fmt::print("libvpx {:.1f} frames/s, engine {:.1f} frames/s, ratio {:.2f}\n",
               alone.frames_per_second(), modelled.frames_per_second(),
               modelled.frames_per_second() / alone.frames_per_second());
}
