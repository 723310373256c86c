// SPDX-License-Identifier: MIT
#include "players/visl_producer.hpp"

#include <set>

#include <fmt/format.h>

#include <relfence/v4l2/device.hpp>

#include "players/clip.hpp"
#include "players/stateless_decoder.hpp"
#include "players/visl_setup.hpp"

namespace relfence::players {
namespace {

/// The picture shows the frame's sequence number, which only STREAMOFF resets.
class Visl final : public StatelessDecoder {
  public:
    Visl(UniqueFd video, UniqueFd media)
        : StatelessDecoder{"visl", std::move(video), std::move(media)} {}

    Result<void> start(unsigned depth, const Memory& memory) {
        const auto size = set_visl_formats(video());
        if (!size) return tl::make_unexpected(size.error());
        return StatelessDecoder::start(depth, memory, *size);
    }

    [[nodiscard]] image::FrameView format() const override {
        return {image::Layout::nv12, clip_width, clip_height, {}};
    }

    Result<viewing::Handover> submit(unsigned index, viewing::Before before) override {
        const unsigned slot = index % depth();
        if (auto ok = set_visl_frame(video(), request(slot)); !ok)
            return tl::make_unexpected(ok.error());
        return queue(slot, 1, index, before);
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
    auto decoder = std::make_unique<Visl>(std::move(*video), std::move(*media));
    if (auto ok = decoder->start(depth, memory); !ok) return tl::make_unexpected(ok.error());
    return std::unique_ptr<viewing::Producer>{std::move(decoder)};
}

}  // namespace relfence::players
