// SPDX-License-Identifier: MIT
#include "jobs/fwht_frames.hpp"

#include <algorithm>
#include <linux/videodev2.h>

namespace relfence::jobs {
namespace {

/// What a decoder cannot make a plane of.
constexpr std::size_t broken_size = 16;

class FwhtFrames final : public FrameSource {
  public:
    FwhtFrames(unsigned width, unsigned height) : width_{width}, height_{height} {}

    [[nodiscard]] std::uint32_t coded_format() const override {
        return V4L2_PIX_FMT_FWHT_STATELESS;
    }
    [[nodiscard]] unsigned width() const override { return width_; }
    [[nodiscard]] unsigned height() const override { return height_; }
    [[nodiscard]] std::size_t largest() const override { return std::size_t{width_} * height_ * 2; }
    [[nodiscard]] std::vector<ControlValue> stream_controls() override {
        // The driver makes buffers of the kind of picture that the parameters tell of.
        frame_ = make_fwht_frame(width_, height_, 0);
        return {{V4L2_CID_STATELESS_FWHT_PARAMS, &frame_.params, sizeof frame_.params}};
    }
    Result<CodedFrame> frame(unsigned index, std::uint64_t /*timestamp*/) override {
        frame_ = make_fwht_frame(width_, height_, index, broken_);
        return CodedFrame{frame_.planes,
                          {{V4L2_CID_STATELESS_FWHT_PARAMS, &frame_.params, sizeof frame_.params}}};
    }
    bool spoil() override { return broken_ = true; }

  private:
    unsigned width_;
    unsigned height_;
    bool broken_ = false;
    FwhtFrame frame_;
};

}  // namespace

FwhtFrame make_fwht_frame(unsigned width, unsigned height, unsigned index, bool broken) {
    FwhtFrame frame;
    frame.params.version = V4L2_FWHT_VERSION;
    frame.params.width = width;
    frame.params.height = height;
    frame.params.flags =
        V4L2_FWHT_FL_I_FRAME | V4L2_FWHT_FL_PIXENC_YUV | (2 << V4L2_FWHT_FL_COMPONENTS_NUM_OFFSET);
    if (broken) {
        frame.planes.assign(broken_size, 0);
        return frame;
    }
    frame.params.flags |= V4L2_FWHT_FL_LUMA_IS_UNCOMPRESSED | V4L2_FWHT_FL_CB_IS_UNCOMPRESSED |
                          V4L2_FWHT_FL_CR_IS_UNCOMPRESSED;
    const std::size_t luma = std::size_t{width} * height;
    frame.planes.resize(luma + luma / 2);
    for (unsigned row = 0; row < height; ++row)
        std::fill_n(frame.planes.begin() + std::ptrdiff_t{row} * width, width,
                    static_cast<std::uint8_t>(16 + (row / 16 * 7 + index * 61) % 220));
    std::fill(frame.planes.begin() + static_cast<std::ptrdiff_t>(luma), frame.planes.end(),
              static_cast<std::uint8_t>(16 + index * 37 % 220));
    return frame;
}

std::vector<std::uint8_t> with_header(const FwhtFrame& frame) {
    std::vector<std::uint8_t> bytes;
    const auto put = [&bytes](std::uint32_t value) {
        for (unsigned shift = 32; shift != 0; shift -= 8)
            bytes.push_back(static_cast<std::uint8_t>(value >> (shift - 8)));
    };
    for (const std::uint32_t value :
         {0x4f4f4f4fU, 0xffffffffU, frame.params.version, frame.params.width, frame.params.height,
          frame.params.flags, frame.params.colorspace, frame.params.xfer_func,
          frame.params.ycbcr_enc, frame.params.quantization,
          static_cast<std::uint32_t>(frame.planes.size())})
        put(value);
    bytes.insert(bytes.end(), frame.planes.begin(), frame.planes.end());
    return bytes;
}

std::unique_ptr<FrameSource> fwht_frames(unsigned width, unsigned height) {
    return std::make_unique<FwhtFrames>(width, height);
}

}  // namespace relfence::jobs
