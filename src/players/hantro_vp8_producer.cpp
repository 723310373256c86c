// SPDX-License-Identifier: MIT
#include "players/hantro_vp8_producer.hpp"

#include <algorithm>
#include <linux/videodev2.h>

#include "jobs/stateless_decoder.hpp"
#include "players/hantro_device.hpp"
#include "players/playing.hpp"
#include "stateless/vp8_parser.hpp"
#include "stateless/vp8_references.hpp"

namespace relfence::players {
namespace {

/// The frames of a clip, each with the parsed header that a stateless driver wants.
class Vp8Clip final : public jobs::FrameSource {
  public:
    explicit Vp8Clip(const Clip& clip) : clip_{clip} {}

    [[nodiscard]] std::uint32_t coded_format() const override { return V4L2_PIX_FMT_VP8_FRAME; }
    [[nodiscard]] unsigned width() const override { return clip_.width; }
    [[nodiscard]] unsigned height() const override { return clip_.height; }
    [[nodiscard]] std::size_t largest() const override {
        return std::ranges::max(clip_.coded, {}, [](const auto& frame) { return frame.size(); })
            .size();
    }
    void restart() override {
        parser_ = {};
        references_ = {};
    }
    Result<jobs::CodedFrame> frame(unsigned index, std::uint64_t timestamp) override {
        const auto& data = clip_.coded[index];
        auto picture = parser_.parse(data);
        if (!picture) return tl::make_unexpected(picture.error());
        references_.tell(picture->control);
        references_.update(*picture, timestamp);
        control_ = picture->control;
        return jobs::CodedFrame{data, {{V4L2_CID_STATELESS_VP8_FRAME, &control_, sizeof control_}}};
    }

  private:
    const Clip& clip_;
    stateless::Vp8Parser parser_;
    stateless::Vp8References references_;
    v4l2_ctrl_vp8_frame control_{};
};

class HantroVp8 final : public Playing {
  public:
    HantroVp8(std::unique_ptr<jobs::QueuePair> jobs, const Clip& clip)
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

Result<std::unique_ptr<viewing::Producer>> open_hantro_vp8(const Clip& clip, unsigned depth,
                                                           const Memory& memory) {
    auto device = open_hantro_decoder(V4L2_PIX_FMT_VP8_FRAME);
    if (!device) return tl::make_unexpected(device.error());
    auto jobs =
        jobs::open_stateless({std::move(device->video), std::move(device->media), "hantro-vpu"},
                             std::make_unique<Vp8Clip>(clip), depth, memory);
    if (!jobs) return tl::make_unexpected(jobs.error());
    return std::make_unique<HantroVp8>(std::move(*jobs), clip);
}

}  // namespace relfence::players
