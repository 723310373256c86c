// SPDX-License-Identifier: MIT
#include "players/vicodec_producer.hpp"

#include <linux/videodev2.h>

#include <fmt/format.h>

#include <relfence/v4l2/device.hpp>

#include "jobs/stateful_decoder.hpp"
#include "players/playing.hpp"

namespace relfence::players {
namespace {

class Vicodec final : public Playing {
  public:
    Vicodec(std::unique_ptr<jobs::QueuePair> jobs, const Clip& clip)
        : Playing{std::move(jobs)}, clip_{clip} {}

    [[nodiscard]] image::FrameView format() const override {
        return {clip_.layout, clip_.width, clip_.height, {}};
    }
    Result<double> judge(unsigned index, const image::FrameView& frame) override {
        return judge_by_scene(clip_, index, frame);
    }

  private:
    const Clip& clip_;
};

}  // namespace

Result<std::unique_ptr<viewing::Producer>> open_vicodec(const Clip& clip, unsigned depth,
                                                        const Memory& memory) {
    jobs::CodedStream stream;
    stream.coded_format = V4L2_PIX_FMT_FWHT;
    stream.raw_format = fourcc_of(clip.layout);
    stream.width = clip.width;
    stream.height = clip.height;
    stream.frame = [&clip](unsigned index) {
        return index < clip.coded.size() ? clip.coded[index] : std::vector<std::uint8_t>{};
    };
    auto jobs = jobs::open_stateful([] { return v4l2::open_video("stateful-decoder"); }, "vicodec",
                                    false, std::move(stream), depth, memory);
    if (!jobs) return tl::make_unexpected(jobs.error());
    return std::make_unique<Vicodec>(std::move(*jobs), clip);
}

}  // namespace relfence::players
