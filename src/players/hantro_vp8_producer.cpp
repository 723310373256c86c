// SPDX-License-Identifier: MIT
#include "players/hantro_vp8_producer.hpp"

#include <algorithm>
#include <linux/videodev2.h>
#include <string>
#include <string_view>

#include <relfence/v4l2/device.hpp>

#include "players/hantro_device.hpp"
#include "players/stateless_decoder.hpp"
#include "stateless/vp8_parser.hpp"
#include "stateless/vp8_references.hpp"

namespace relfence::players {
namespace {

constexpr std::string_view driver = "hantro-vpu";
constexpr unsigned nanoseconds_of_a_tick = 1000;  // v4l2::Stream takes microseconds

class HantroVp8 final : public StatelessDecoder {
  public:
    HantroVp8(HantroDevice device, const Clip& clip)
        : StatelessDecoder{std::string{driver}, std::move(device.video), std::move(device.media)},
          clip_{clip} {}

    Result<void> start(unsigned depth, const Memory& memory) {
        const auto size = set_formats();
        if (!size) return tl::make_unexpected(size.error());
        return StatelessDecoder::start(depth, memory, *size);
    }

    [[nodiscard]] image::FrameView format() const override {
        return {clip_.layout, clip_.width, clip_.height, {}};
    }

    Result<void> rewind() override {
        parser_ = {};
        references_ = {};
        return StatelessDecoder::rewind();
    }

    Result<viewing::Handover> submit(unsigned index, viewing::Before before) override {
        const unsigned slot = index % depth();
        const auto& data = clip_.coded[index];
        if (data.size() > coded().memory(slot).size()) return fail("is too small", "coded buffer");
        auto picture = parser_.parse(data);
        if (!picture) return tl::make_unexpected(picture.error());
        references_.tell(picture->control);
        const unsigned timestamp = index + 1;
        references_.update(*picture, std::uint64_t{timestamp} * nanoseconds_of_a_tick);

        std::ranges::copy(data, coded().memory(slot).begin());
        if (auto ok = request(slot).set_control(video(), V4L2_CID_STATELESS_VP8_FRAME,
                                                &picture->control, sizeof picture->control);
            !ok)
            return tl::make_unexpected(ok.error());
        return queue(slot, data.size(), timestamp, before);
    }

    Result<double> judge(unsigned index, const image::FrameView& frame) override {
        return judge_by_scene(clip_, index, frame);
    }

  private:
    /// @return the bytes of a CAPTURE buffer
    Result<std::size_t> set_formats() {
        std::size_t largest = 0;
        for (const auto& frame : clip_.coded) largest = std::max(largest, frame.size());
        v4l2_format format{};
        format.type = V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE;
        format.fmt.pix_mp.width = clip_.width;
        format.fmt.pix_mp.height = clip_.height;
        format.fmt.pix_mp.pixelformat = V4L2_PIX_FMT_VP8_FRAME;
        format.fmt.pix_mp.num_planes = 1;
        format.fmt.pix_mp.plane_fmt[0].sizeimage = static_cast<std::uint32_t>(largest);
        if (auto ok = v4l2::call(video(), VIDIOC_S_FMT, &format, "VIDIOC_S_FMT"); !ok)
            return tl::make_unexpected(ok.error());
        format = {};
        format.type = V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
        format.fmt.pix_mp.width = clip_.width;
        format.fmt.pix_mp.height = clip_.height;
        format.fmt.pix_mp.pixelformat = V4L2_PIX_FMT_NV12;
        format.fmt.pix_mp.num_planes = 1;
        if (auto ok = v4l2::call(video(), VIDIOC_S_FMT, &format, "VIDIOC_S_FMT"); !ok)
            return tl::make_unexpected(ok.error());
        const v4l2_pix_format_mplane& frame = format.fmt.pix_mp;
        if (frame.width != clip_.width || frame.height != clip_.height || frame.num_planes != 1 ||
            frame.pixelformat != V4L2_PIX_FMT_NV12)
            return fail("does not take the clip's size as NV12", driver);
        return frame.plane_fmt[0].sizeimage;
    }

    const Clip& clip_;
    stateless::Vp8Parser parser_;
    stateless::Vp8References references_;
};

}  // namespace

Result<std::unique_ptr<viewing::Producer>> open_hantro_vp8(const Clip& clip, unsigned depth,
                                                           const Memory& memory) {
    auto device = open_hantro_decoder(V4L2_PIX_FMT_VP8_FRAME);
    if (!device) return tl::make_unexpected(device.error());
    auto decoder = std::make_unique<HantroVp8>(std::move(*device), clip);
    if (auto ok = decoder->start(depth, memory); !ok) return tl::make_unexpected(ok.error());
    return std::unique_ptr<viewing::Producer>{std::move(decoder)};
}

}  // namespace relfence::players
