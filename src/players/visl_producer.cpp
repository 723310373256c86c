// SPDX-License-Identifier: MIT
#include "players/visl_producer.hpp"

#include <array>
#include <linux/videodev2.h>
#include <set>

#include <fmt/format.h>

#include <relfence/v4l2/device.hpp>

#include "jobs/stateless_decoder.hpp"
#include "players/clip.hpp"
#include "players/playing.hpp"
#include "players/visl_setup.hpp"

namespace relfence::players {
namespace {

/// What visl wants to be told of each frame; it reads none of the data.
class EmptyFrames final : public jobs::FrameSource {
  public:
    [[nodiscard]] std::uint32_t coded_format() const override {
        return V4L2_PIX_FMT_FWHT_STATELESS;
    }
    [[nodiscard]] unsigned width() const override { return clip_width; }
    [[nodiscard]] unsigned height() const override { return clip_height; }
    [[nodiscard]] std::size_t largest() const override { return 0; }
    Result<jobs::CodedFrame> frame(unsigned /*index*/, std::uint64_t /*timestamp*/) override {
        params_ = visl_params();
        return jobs::CodedFrame{nothing_,
                                {{V4L2_CID_STATELESS_FWHT_PARAMS, &params_, sizeof params_}}};
    }

  private:
    std::array<std::uint8_t, 1> nothing_{};
    v4l2_ctrl_fwht_params params_{};
};

/// The picture shows the frame's sequence number, which only STREAMOFF resets.
class Visl final : public Playing {
  public:
    using Playing::Playing;

    [[nodiscard]] image::FrameView format() const override {
        return {image::Layout::nv12, clip_width, clip_height, {}};
    }

    /// Knows the picture only from outside: eight bars below the text, no row of it unwritten.
    /// @return how many grey levels there are in the last row
    Result<double> judge(unsigned index, const image::FrameView& frame) override {
        const auto last =
            frame.bytes.subspan(std::size_t{clip_width} * (clip_height - 1), clip_width);
        const std::set<std::uint8_t> levels(last.begin(), last.end());
        if (levels.size() < 8)
            return fail(fmt::format("has {} bars", levels.size()),
                        fmt::format("reference frame {}", index));
        return static_cast<double>(levels.size());
    }
};

}  // namespace

Result<std::unique_ptr<viewing::Producer>> open_visl(unsigned depth, const Memory& memory) {
    auto video = v4l2::open_video("visl");
    if (!video) return tl::make_unexpected(video.error());
    auto media = v4l2::open_media("visl");
    if (!media) return tl::make_unexpected(media.error());
    auto jobs = jobs::open_stateless({std::move(*video), std::move(*media), "visl"},
                                     std::make_unique<EmptyFrames>(), depth, memory);
    if (!jobs) return tl::make_unexpected(jobs.error());
    return std::make_unique<Visl>(std::move(*jobs));
}

}  // namespace relfence::players
