// SPDX-License-Identifier: MIT
// What decoders of real boards want, asked of vicodec: spare CAPTURE buffers, and a drain after
// each frame. Each picture must come in the buffer that it was promised in. Runs in a guest.
#include <cstdio>
#include <cstdlib>
#include <linux/videodev2.h>
#include <span>

#include <relfence/v4l2/device.hpp>

#include "jobs/coded_streams.hpp"
#include "jobs/stateful_decoder.hpp"

namespace relfence {
namespace {

constexpr unsigned width = 640;
constexpr unsigned height = 368;
constexpr unsigned frames = 12;

struct Way {
    unsigned depth;
    unsigned spares;
    bool drain;
};

Result<std::unique_ptr<jobs::QueuePair>> open(const Way& way) {
    jobs::CodedStream stream;
    stream.coded_format = V4L2_PIX_FMT_FWHT;
    stream.raw_format = V4L2_PIX_FMT_NV12;
    stream.width = width;
    stream.height = height;
    stream.frame = [](unsigned index) {
        return jobs::stateful_codecs().front().frame(width, height, index);
    };
    stream.fixed = true;
    stream.spares = way.spares;
    stream.drain = way.drain;
    return jobs::open_stateful([] { return v4l2::open_video("stateful-decoder"); }, "vicodec",
                               false, std::move(stream), way.depth, {});
}

/// As make_fwht_frame() draws it.
bool is_picture(std::span<const std::uint8_t> pixels, unsigned index) {
    for (unsigned row = 0; row < height; ++row)
        if (pixels[std::size_t{row} * width] != 16 + (row / 16 * 7 + index * 61) % 220)
            return false;
    return true;
}

Result<unsigned> decode(const Way& way, const char* what) {
    auto source = open(way);
    if (!source) return tl::make_unexpected(source.error());
    unsigned right = 0;
    std::vector<jobs::Handover> queued;
    for (unsigned index = 0; index < frames + way.depth - 1; ++index) {
        if (index < frames) {
            const auto frame = (*source)->submit(index, jobs::Before::mark);
            if (!frame) return tl::make_unexpected(frame.error());
            queued.push_back(*frame);
        }
        if (index + 1 < way.depth) continue;
        const unsigned done = index + 1 - way.depth;
        if (auto ok = (*source)->finish(); !ok) return tl::make_unexpected(ok.error());
        if (is_picture(queued[done].pixels, done)) ++right;
    }
    // In mid-job: nothing of it may be left for the next frame.
    if (auto frame = (*source)->submit(5, jobs::Before::mark); !frame)
        return tl::make_unexpected(frame.error());
    if (auto ok = (*source)->rewind(); !ok) return tl::make_unexpected(ok.error());
    const auto again = (*source)->submit(0, jobs::Before::mark);
    if (!again) return tl::make_unexpected(again.error());
    if (auto ok = (*source)->finish(); !ok) return tl::make_unexpected(ok.error());
    if (is_picture(again->pixels, 0)) ++right;
    std::printf("%s: %u of %u pictures, %u buffers\n", what, right, frames + 1,
                (*source)->capture().size());
    return right;
}

}  // namespace
}  // namespace relfence

/// stateful-client DEPTH SPARES DRAIN
int main(int argc, char** argv) {
    if (argc != 4) return 2;
    const auto number = [&](int at) { return static_cast<unsigned>(std::atoi(argv[at])); };
    const relfence::Way way{number(1), number(2), number(3) != 0};
    char what[64];
    std::snprintf(what, sizeof what, "depth %u spares %u drain %u", way.depth, way.spares,
                  number(3));
    const auto right = relfence::decode(way, what);
    if (right) return *right == relfence::frames + 1 ? 0 : 1;
    std::printf("%s: %s\n", what, right.error().message().c_str());
    return 2;
}
