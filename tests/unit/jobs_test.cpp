// SPDX-License-Identifier: MIT
// The streams that are made on the spot, by decoders that know nothing of them.
#include <optional>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../libav.hpp"
#include "jobs/fwht_frames.hpp"
#include "jobs/h264_frames.hpp"
#include "jobs/mpeg2_frames.hpp"
#include "jobs/vp8_frames.hpp"

namespace relfence::testing {
namespace {

constexpr unsigned width = 96;
constexpr unsigned height = 64;

/// The luma of each band of a picture. Nothing when it has no bands, or the decoder complained.
std::optional<std::vector<int>> bands(AVCodecID id, std::vector<std::uint8_t> stream) {
    const OwnedLibav<AVCodecContext> context{avcodec_alloc_context3(avcodec_find_decoder(id))};
    context->err_recognition = AV_EF_EXPLODE | AV_EF_BITSTREAM | AV_EF_BUFFER;
    if (avcodec_open2(context.get(), nullptr, nullptr) < 0) return std::nullopt;
    const std::size_t size = stream.size();
    stream.resize(size + AV_INPUT_BUFFER_PADDING_SIZE);
    const OwnedLibav<AVPacket> packet{av_packet_alloc()};
    packet->data = stream.data();
    packet->size = static_cast<int>(size);
    const OwnedLibav<AVFrame> frame{av_frame_alloc()};
    if (avcodec_send_packet(context.get(), packet.get()) < 0 ||
        avcodec_send_packet(context.get(), nullptr) < 0 ||
        avcodec_receive_frame(context.get(), frame.get()) < 0)
        return std::nullopt;
    if (frame->width != int{width} || frame->height != int{height}) return std::nullopt;
    std::vector<int> found;
    for (unsigned row = 0; row < height; ++row) {
        const std::uint8_t* const line =
            frame->data[0] + static_cast<std::ptrdiff_t>(row) * frame->linesize[0];
        const std::set<std::uint8_t> levels(line, line + width);
        if (levels.size() != 1) return std::nullopt;
        if (row % 16 == 0) found.push_back(*levels.begin());
        if (found.back() != *levels.begin()) return std::nullopt;
    }
    return found;
}

std::vector<std::uint8_t> h264_stream(unsigned index) {
    auto stream = jobs::make_h264_parameters(width, height);
    const auto slice = jobs::make_h264_slice(width, height, index);
    stream.insert(stream.end(), slice.begin(), slice.end());
    return stream;
}

TEST(Streams, H264IsBands) {
    EXPECT_EQ(bands(AV_CODEC_ID_H264, h264_stream(0)), (std::vector{16, 23, 30, 37}));
    EXPECT_EQ(bands(AV_CODEC_ID_H264, h264_stream(1)), (std::vector{77, 84, 91, 98}));
}

TEST(Streams, Mpeg2IsBands) {
    EXPECT_EQ(bands(AV_CODEC_ID_MPEG2VIDEO, jobs::make_mpeg2_stream(width, height, 0)),
              (std::vector{28, 35, 42, 49}));
    EXPECT_EQ(bands(AV_CODEC_ID_MPEG2VIDEO, jobs::make_mpeg2_stream(width, height, 1)),
              (std::vector{89, 96, 103, 110}));
}

TEST(Streams, Vp8IsBands) {
    std::set<std::vector<int>> pictures;
    for (unsigned index = 0; index < 8; ++index) {
        const auto found = bands(AV_CODEC_ID_VP8, jobs::make_vp8_frame(width, height, index));
        ASSERT_TRUE(found) << index;
        pictures.insert(*found);
    }
    EXPECT_EQ(pictures.size(), 8U) << "one picture cannot be told from the next";
}

/// The control of the tests above: what is cut is not shown as if it were whole.
TEST(Streams, ACutStreamIsNotBands) {
    auto stream = h264_stream(0);
    stream.resize(stream.size() / 2);
    EXPECT_EQ(bands(AV_CODEC_ID_H264, stream), std::nullopt);
    stream = jobs::make_mpeg2_stream(width, height, 0);
    stream.resize(stream.size() / 2);
    EXPECT_NE(bands(AV_CODEC_ID_MPEG2VIDEO, stream), (std::vector{28, 35, 42, 49}));
}

TEST(Streams, FwhtHasTheSizeThatItsHeaderTells) {
    const auto bytes = with_header(jobs::make_fwht_frame(width, height, 0));
    ASSERT_EQ(bytes.size(), 44U + width * height * 3 / 2);
    EXPECT_EQ(bytes[42] << 8 | bytes[43], static_cast<int>(width * height * 3 / 2));
}

}  // namespace
}  // namespace relfence::testing
