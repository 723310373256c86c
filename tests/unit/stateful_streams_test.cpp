// SPDX-License-Identifier: MIT
// The streams for decoders that parse them themselves: that others can decode them, frame by frame,
// and which of them a device is given.
#include <csetjmp>
#include <cstdio>
#include <jpeglib.h>
#include <linux/videodev2.h>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../libav.hpp"
#include "jobs/coded_streams.hpp"
#include "jobs/workload.hpp"

namespace relfence::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Bytes = std::vector<std::uint8_t>;

/// Decodes one frame after the other, and does not say that a frame was the last.
class Decoder {
  public:
    explicit Decoder(AVCodecID id)
        : context_{avcodec_alloc_context3(avcodec_find_decoder(id))}, frame_{av_frame_alloc()} {
        context_->err_recognition = AV_EF_EXPLODE | AV_EF_BITSTREAM | AV_EF_BUFFER;
        if (avcodec_open2(context_.get(), nullptr, nullptr) < 0) context_.reset();
    }
    /// @return the picture; nullptr when there is none, or the decoder complained
    const AVFrame* decode(Bytes data) {
        const std::size_t size = data.size();
        data.resize(size + AV_INPUT_BUFFER_PADDING_SIZE);
        const OwnedLibav<AVPacket> packet{av_packet_alloc()};
        packet->data = data.data();
        packet->size = static_cast<int>(size);
        if (!context_ || avcodec_send_packet(context_.get(), packet.get()) < 0 ||
            avcodec_receive_frame(context_.get(), frame_.get()) < 0)
            return nullptr;
        return frame_.get();
    }

  private:
    OwnedLibav<AVCodecContext> context_;
    OwnedLibav<AVFrame> frame_;
};

/// The luma of each band, one for each row of macroblocks. Nothing when there are no bands.
std::optional<std::vector<int>> bands_of(const AVFrame& picture) {
    std::vector<int> found;
    for (int row = 0; row < picture.height; ++row) {
        const std::uint8_t* const line =
            picture.data[0] + static_cast<std::ptrdiff_t>(row) * picture.linesize[0];
        const std::set<std::uint8_t> levels(line, line + picture.width);
        if (levels.size() != 1) return std::nullopt;
        if (row % 16 == 0) found.push_back(*levels.begin());
        if (found.back() != *levels.begin()) return std::nullopt;
    }
    return found;
}

AVCodecID id_of(const std::string& stream) {
    if (stream == "vp8") return AV_CODEC_ID_VP8;
    if (stream == "h264") return AV_CODEC_ID_H264;
    if (stream == "mpeg2") return AV_CODEC_ID_MPEG2VIDEO;
    return stream == "jpeg" ? AV_CODEC_ID_MJPEG : AV_CODEC_ID_NONE;
}

/// What libavcodec knows. FWHT is vicodec's alone, which decodes it in the tests in guests.
std::vector<jobs::StatefulCodec> codecs() {
    std::vector<jobs::StatefulCodec> all;
    for (const jobs::StatefulCodec& codec : jobs::stateful_codecs())
        if (codec.format != V4L2_PIX_FMT_FWHT) all.push_back(codec);
    return all;
}

class StatefulStream : public ::testing::TestWithParam<jobs::StatefulCodec> {};

/// As a decoder gets it that must give each picture before it sees the next frame: one that waits
/// would wait for ever, with a fence on the picture or without.
TEST_P(StatefulStream, GivesEachPictureAtOnce) {
    const jobs::StatefulCodec& codec = GetParam();
    for (const auto [width, height] : jobs::picture_sizes) {
        Decoder decoder{id_of(codec.stream)};
        std::set<std::vector<int>> pictures;
        for (unsigned index = 0; index < 6; ++index) {
            const AVFrame* const picture = decoder.decode(codec.frame(width, height, index));
            ASSERT_NE(picture, nullptr) << "frame " << index << ", " << width << "x" << height;
            EXPECT_EQ(picture->width, static_cast<int>(width));
            EXPECT_EQ(picture->height, static_cast<int>(height));
            const auto bands = bands_of(*picture);
            ASSERT_TRUE(bands) << index;
            pictures.insert(*bands);
        }
        EXPECT_EQ(pictures.size(), 6U) << "one picture cannot be told from the next";
    }
}

/// A decoder is opened anew, and then given another frame than the first.
TEST_P(StatefulStream, MayBeginAnywhere) {
    const jobs::StatefulCodec& codec = GetParam();
    Decoder decoder{id_of(codec.stream)};
    EXPECT_NE(decoder.decode(codec.frame(96, 64, 5)), nullptr);
}

/// A coded frame is what a driver makes its buffers for: never more than it is asked to.
TEST_P(StatefulStream, FitsInABuffer) {
    const jobs::StatefulCodec& codec = GetParam();
    for (const auto [width, height] : jobs::picture_sizes)
        EXPECT_LT(codec.frame(width, height, 0).size(), std::size_t{width} * height / 2);
}

TEST_P(StatefulStream, IsNotWholeWhenBroken) {
    const jobs::StatefulCodec& codec = GetParam();
    Decoder decoder{id_of(codec.stream)};
    const AVFrame* const whole = decoder.decode(codec.frame(640, 368, 1));
    ASSERT_NE(whole, nullptr);
    const auto bands = bands_of(*whole);
    const AVFrame* const cut = decoder.decode(codec.broken(640, 368, 1));
    if (cut != nullptr) {
        EXPECT_NE(bands_of(*cut), bands);
    }
}

INSTANTIATE_TEST_SUITE_P(Each, StatefulStream, ::testing::ValuesIn(codecs()),
                         [](const auto& instance) {
                             return std::string{instance.param.stream} +
                                    (instance.param.format == V4L2_PIX_FMT_MJPEG ? "InMotion" : "");
                         });

/// Where libjpeg goes on after an error.
struct JpegErrors : jpeg_error_mgr {
    std::jmp_buf back;
};

/// The luma bands of a JPEG by libjpeg, which warns of much that libavcodec takes.
std::optional<std::vector<int>> bands_by_libjpeg(const Bytes& jpeg) {
    jpeg_decompress_struct state{};
    JpegErrors errors{};
    state.err = jpeg_std_error(&errors);
    errors.error_exit = [](j_common_ptr common) {
        std::longjmp(static_cast<JpegErrors*>(common->err)->back, 1);
    };
    jpeg_create_decompress(&state);
    std::vector<int> found;
    Bytes line;
    volatile bool good = false;
    if (setjmp(errors.back) == 0) {
        jpeg_mem_src(&state, jpeg.data(), jpeg.size());
        jpeg_read_header(&state, TRUE);
        state.out_color_space = JCS_GRAYSCALE;
        jpeg_start_decompress(&state);
        line.resize(state.output_width);
        while (state.output_scanline < state.output_height) {
            JSAMPROW row = line.data();
            jpeg_read_scanlines(&state, &row, 1);
            if (state.output_scanline % 16 == 1) found.push_back(line.front());
        }
        jpeg_finish_decompress(&state);
        good = errors.num_warnings == 0;
    }
    jpeg_destroy_decompress(&state);
    return good ? std::optional{found} : std::nullopt;
}

TEST(StatefulStreams, JpegIsBandsForLibjpeg) {
    const auto* const jpeg =
        std::ranges::find(jobs::stateful_codecs(), std::uint32_t{V4L2_PIX_FMT_JPEG},
                          &jobs::StatefulCodec::format)
            .base();
    EXPECT_EQ(bands_by_libjpeg(jpeg->frame(96, 64, 0)), (std::vector{16, 23, 30, 37}));
    EXPECT_EQ(bands_by_libjpeg(jpeg->frame(96, 64, 1)), (std::vector{77, 84, 91, 98}));
    EXPECT_EQ(bands_by_libjpeg(jpeg->broken(96, 64, 1)), std::nullopt);
}

devices::VideoQueue queue(std::initializer_list<std::uint32_t> formats) {
    devices::VideoQueue queue;
    for (const std::uint32_t format : formats) queue.formats.push_back({format, {}, false});
    return queue;
}

/// Stream and raw format of each workload: "h264 NV12".
std::vector<std::string> chosen(devices::Role role, std::initializer_list<std::uint32_t> output,
                                std::initializer_list<std::uint32_t> capture) {
    devices::VideoDevice device;
    device.role = role;
    device.output = queue(output);
    device.capture = queue(capture);
    std::vector<std::string> all;
    for (const jobs::Workload& workload : jobs::workloads_of(device))
        all.push_back(workload.stream + " " + devices::fourcc_text(workload.to));
    return all;
}

/// Formats as the drivers of Linux 6.12 have them.
TEST(Workloads, FollowTheFormatsOfAStatefulDecoder) {
    constexpr auto stateful = devices::Role::stateful_decoder;
    // venus
    EXPECT_THAT(chosen(stateful,
                       {V4L2_PIX_FMT_H264, V4L2_PIX_FMT_VP8, V4L2_PIX_FMT_VP9, V4L2_PIX_FMT_HEVC,
                        V4L2_PIX_FMT_MPEG4, V4L2_PIX_FMT_MPEG2},
                       {V4L2_PIX_FMT_NV12, V4L2_PIX_FMT_QC08C}),
                ElementsAre("vp8 NV12", "h264 NV12", "mpeg2 NV12"));
    // coda
    EXPECT_THAT(chosen(stateful, {V4L2_PIX_FMT_H264, V4L2_PIX_FMT_MPEG2, V4L2_PIX_FMT_MPEG4},
                       {V4L2_PIX_FMT_NV12, V4L2_PIX_FMT_YUV420, V4L2_PIX_FMT_YVU420}),
                ElementsAre("h264 NV12", "mpeg2 NV12"));
    // s5p-jpeg, and a device that calls the same stream by both names
    EXPECT_THAT(chosen(stateful, {V4L2_PIX_FMT_JPEG}, {V4L2_PIX_FMT_YUYV, V4L2_PIX_FMT_YUV420}),
                ElementsAre("jpeg YU12"));
    EXPECT_THAT(chosen(stateful, {V4L2_PIX_FMT_MJPEG, V4L2_PIX_FMT_JPEG}, {V4L2_PIX_FMT_YUYV}),
                ElementsAre("jpeg YUYV"));
    EXPECT_THAT(chosen(stateful, {V4L2_PIX_FMT_MJPEG}, {V4L2_PIX_FMT_YUYV}),
                ElementsAre("jpeg YUYV"));
    // vicodec
    EXPECT_THAT(chosen(stateful, {V4L2_PIX_FMT_FWHT}, {V4L2_PIX_FMT_YUV420, V4L2_PIX_FMT_NV12}),
                ElementsAre("fwht NV12"));
}

TEST(Workloads, LeaveOutWhatCannotBeMade) {
    constexpr auto stateful = devices::Role::stateful_decoder;
    // wave5 has H.264 as well; a decoder of HEVC alone is given nothing.
    EXPECT_THAT(chosen(stateful, {V4L2_PIX_FMT_HEVC, V4L2_PIX_FMT_H264}, {V4L2_PIX_FMT_YUV420}),
                ElementsAre("h264 YU12"));
    EXPECT_THAT(chosen(stateful, {V4L2_PIX_FMT_HEVC}, {V4L2_PIX_FMT_YUV420}), IsEmpty());
    // s5p-mfc, and mtk-jpeg: pictures in several buffers
    EXPECT_THAT(chosen(stateful, {V4L2_PIX_FMT_H264, V4L2_PIX_FMT_MPEG2},
                       {V4L2_PIX_FMT_NV12M, V4L2_PIX_FMT_NV21M}),
                IsEmpty());
    // The formats of a stateless decoder are others.
    EXPECT_THAT(chosen(devices::Role::stateless_decoder, {V4L2_PIX_FMT_H264}, {V4L2_PIX_FMT_NV12}),
                IsEmpty());
    EXPECT_THAT(chosen(stateful, {V4L2_PIX_FMT_H264_SLICE}, {V4L2_PIX_FMT_NV12}), IsEmpty());
}

}  // namespace
}  // namespace relfence::testing
