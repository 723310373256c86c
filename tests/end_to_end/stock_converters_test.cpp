// SPDX-License-Identifier: MIT
// Stock programs that change pictures: GStreamer's v4l2jpegenc on hantro's encoder, v4l2convert on
// RGA, and v4l2-ctl on both; each picture compared with what it was made from.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <map>

// After <cstdio>, which it needs.
#include <jpeglib.h>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "../board/rga_reference.hpp"
#include "stock_fixture.hpp"

namespace relfence::lab {
namespace {

using testing::IsEmpty;

constexpr unsigned source_width = 320;
constexpr unsigned source_height = 240;
constexpr unsigned source_frames = 4;
constexpr std::size_t luma_size = std::size_t{source_width} * source_height;
constexpr std::size_t frame_size = luma_size * 3 / 2;

/// The scene at a place between 0 and 1: Y, Cb, Cr. Smooth, so that it is known at any size.
rga_test::Pixel scene(double x, double y, unsigned frame) {
    return {126 + 80 * std::sin(9 * x + 0.7 * frame) * std::cos(7 * y),
            128 + 50 * std::sin(6 * y + 3 * x + frame), 128 + 50 * std::cos(5 * x - 4 * y - frame),
            255};
}

std::uint8_t byte_of(double value) {
    return static_cast<std::uint8_t>(std::lround(value));
}

/// A plane of the scene. @param component 0 to 2: Y, Cb, Cr
std::vector<std::uint8_t> plane_of(unsigned frame, std::size_t component) {
    const unsigned half = component == 0 ? 1 : 2;
    const unsigned width = source_width / half, height = source_height / half;
    std::vector<std::uint8_t> samples;
    for (unsigned y = 0; y < height; ++y)
        for (unsigned x = 0; x < width; ++x)
            samples.push_back(
                byte_of(scene((x + 0.5) / width, (y + 0.5) / height, frame)[component]));
    return samples;
}

std::vector<std::uint8_t> source_i420() {
    std::vector<std::uint8_t> all;
    for (unsigned frame = 0; frame < source_frames; ++frame)
        for (const std::size_t component : {0U, 1U, 2U}) {
            const auto plane = plane_of(frame, component);
            all.insert(all.end(), plane.begin(), plane.end());
        }
    return all;
}

std::vector<std::uint8_t> source_nv12() {
    std::vector<std::uint8_t> all;
    for (unsigned frame = 0; frame < source_frames; ++frame) {
        const auto luma = plane_of(frame, 0), cb = plane_of(frame, 1), cr = plane_of(frame, 2);
        all.insert(all.end(), luma.begin(), luma.end());
        for (std::size_t i = 0; i < cb.size(); ++i) all.insert(all.end(), {cb[i], cr[i]});
    }
    return all;
}

/// Y, Cb, Cr of each pixel of a JPEG picture, the chroma of a sample for all that it covers.
struct DecodedJpeg {
    unsigned width = 0, height = 0;
    std::size_t used = 0;  ///< bytes of the file
    std::vector<std::uint8_t> pixels;
};

/// Ends the test program at a file that is no JPEG, as libjpeg does without handlers of one's own.
DecodedJpeg decode_jpeg(std::span<const std::uint8_t> file) {
    jpeg_error_mgr errors{};
    jpeg_decompress_struct decoder{};
    decoder.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&decoder);
    jpeg_mem_src(&decoder, file.data(), file.size());
    jpeg_read_header(&decoder, TRUE);
    decoder.out_color_space = JCS_YCbCr;
    decoder.do_fancy_upsampling = FALSE;
    jpeg_start_decompress(&decoder);
    DecodedJpeg picture{decoder.output_width, decoder.output_height, 0, {}};
    const std::size_t row = std::size_t{picture.width} * 3;
    picture.pixels.resize(row * picture.height);
    while (decoder.output_scanline < decoder.output_height) {
        JSAMPROW line = picture.pixels.data() + row * decoder.output_scanline;
        jpeg_read_scanlines(&decoder, &line, 1);
    }
    jpeg_finish_decompress(&decoder);
    picture.used = file.size() - decoder.src->bytes_in_buffer;
    jpeg_destroy_decompress(&decoder);
    return picture;
}

/// In dB, of a component of a JPEG picture against a frame of the source.
double psnr(const DecodedJpeg& picture, unsigned frame, std::size_t component) {
    const unsigned half = component == 0 ? 1 : 2;
    const auto plane = plane_of(frame, component);
    double sum = 0;
    for (unsigned y = 0; y < source_height / half; ++y)
        for (unsigned x = 0; x < source_width / half; ++x) {
            const std::size_t at = (std::size_t{y} * half * source_width + x * half) * 3;
            const double difference = double(picture.pixels[at + component]) -
                                      plane[std::size_t{y} * (source_width / half) + x];
            sum += difference * difference;
        }
    const double mean = sum / static_cast<double>(plane.size());
    return mean == 0 ? 99 : 10 * std::log10(255.0 * 255.0 / mean);
}

/// The worst component.
double psnr(const DecodedJpeg& picture, unsigned frame) {
    return std::min({psnr(picture, frame, 0), psnr(picture, frame, 1), psnr(picture, frame, 2)});
}

/// How far RGB pixels are from the scene: the largest difference of a channel.
/// @param tamper makes another scene of it
double farthest(std::span<const std::uint8_t> rgb, unsigned width, unsigned height, unsigned frame,
                const std::function<rga_test::Pixel(double, double)>& tamper = {}) {
    double worst = 0;
    for (unsigned y = 0; y < height; ++y)
        for (unsigned x = 0; x < width; ++x) {
            const double at_x = (x + 0.5) / width, at_y = (y + 0.5) / height;
            const auto yuv = tamper ? tamper(at_x, at_y) : scene(at_x, at_y, frame);
            const auto want = rga_test::yuv_to_rgb(yuv, false);
            for (std::size_t c = 0; c < 3; ++c)
                worst =
                    std::max(worst, std::abs(want[c] - rgb[(std::size_t{y} * width + x) * 3 + c]));
        }
    return worst;
}

class StockConverters : public StockTest, public testing::WithParamInterface<BoardAndKernel> {
  protected:
    /// The device node of the driver whose name ends so, as $d.
    static std::string find(const std::string& name) {
        return fmt::format(
            "d=; for n in /sys/class/video4linux/*; do case $(cat $n/name) in *{}) "
            "d=/dev/${{n##*/}};; esac; done\n",
            name);
    }
    /// v4l2-ctl, from one file to another.
    static std::string convert(const std::string& in, const std::string& out,
                               const std::string& from, const std::string& to) {
        return fmt::format(
            "v4l2-ctl -d $d --set-fmt-video-out={} --set-fmt-video={} --stream-mmap "
            "--stream-out-mmap --stream-from={} --stream-to={} --stream-count={} >{}.log 2>&1 || "
            "echo {}: exit status $?\n",
            in, out, from, to, source_frames, to, to);
    }
    static constexpr const char* gst_source =
        "gst-launch-1.0 -q filesrc location=in.nv12 blocksize=115200 ! "
        "video/x-raw,format=NV12,width=320,height=240,framerate=30/1,colorimetry=bt601 ! ";
};

struct Size {
    std::string name;
    unsigned width, height;
};
const std::vector<Size> sizes{{"smaller", 160, 120}, {"same", 320, 240}, {"larger", 640, 480}};

// Catches a plane, a stride or an order of components that program, driver and hardware do not
// agree on, and a table or a filter that is wrong.
TEST_P(StockConverters, GiveWhatTheyWereGiven) {
    put_bytes("in.nv12", source_nv12());
    put_bytes("in.i420", source_i420());
    std::string script = std::string{gst_source} + "v4l2jpegenc ! multifilesink location=%d.jpg\n";
    script += std::string{gst_source} +
              "v4l2convert ! video/x-raw,format=RGB,width=160,height=120 ! "
              "filesink location=gst.rgb\n";
    script += find("-enc") + convert("width=320,height=240,pixelformat=YM12",
                                     "width=320,height=240,pixelformat=JPEG", "in.i420", "all.jpg");
    script += find("rga");
    for (const auto& size : sizes)
        script +=
            convert("width=320,height=240,pixelformat=NV12",
                    fmt::format("width={},height={},pixelformat=RGB3", size.width, size.height),
                    "in.nv12", size.name + ".rgb");
    const Seen seen = run(GetParam(), "{ " + script + "} 2>&1");
    EXPECT_EQ(seen.code, 0) << seen.error;
    EXPECT_EQ(seen.output, "");
    EXPECT_THAT(seen.complaints(), IsEmpty());

    // JPEG: the encoder's tables at the quality of 50 that is the driver's default.
    constexpr double near_enough = 40;
    const auto all = get_bytes("all.jpg");
    std::span<const std::uint8_t> rest = all;
    for (unsigned frame = 0; frame < source_frames; ++frame) {
        const auto file = get_bytes(fmt::format("{}.jpg", frame));
        ASSERT_GT(file.size(), 600U) << frame;
        ASSERT_GT(rest.size(), 600U) << frame;
        const auto from_gst = decode_jpeg(file), from_ctl = decode_jpeg(rest);
        rest = rest.subspan(from_ctl.used);
        for (const auto& picture : {from_gst, from_ctl}) {
            ASSERT_EQ(picture.width, source_width);
            ASSERT_EQ(picture.height, source_height);
            EXPECT_GT(psnr(picture, frame), near_enough) << frame;
            RecordProperty(fmt::format("psnr_{}", frame), fmt::format("{}", psnr(picture, frame)));
            // The control: another frame of the scene is too far off.
            EXPECT_LT(psnr(picture, (frame + 1) % source_frames), near_enough);
        }
    }
    EXPECT_EQ(rest.size(), 0U);

    // RGA: conversion within 3 of 255, chroma of four pixels for each, and filters that have to
    // guess beyond the edges.
    constexpr double off_by = 6;
    for (const auto& size : sizes) {
        const auto rgb = get_bytes(size.name + ".rgb");
        const std::size_t bytes = std::size_t{size.width} * size.height * 3;
        ASSERT_EQ(rgb.size(), bytes * source_frames) << size.name;
        for (unsigned frame = 0; frame < source_frames; ++frame) {
            const auto picture = std::span{rgb}.subspan(bytes * frame, bytes);
            EXPECT_LT(farthest(picture, size.width, size.height, frame), off_by)
                << size.name << frame;
            RecordProperty(fmt::format("off_{}_{}", size.name, frame),
                           fmt::format("{}", farthest(picture, size.width, size.height, frame)));
            // The controls: exchanged chroma, a picture that is three pixels of the source off.
            EXPECT_GT(farthest(picture, size.width, size.height, frame,
                               [&](double x, double y) {
                                   const auto p = scene(x, y, frame);
                                   return rga_test::Pixel{p[0], p[2], p[1], p[3]};
                               }),
                      off_by);
            EXPECT_GT(farthest(picture, size.width, size.height, frame,
                               [&](double x, double y) {
                                   return scene(x + 3.0 / source_width, y, frame);
                               }),
                      off_by);
        }
    }
    EXPECT_EQ(get_bytes("gst.rgb"), get_bytes("smaller.rgb")) << "one job, two programs";
}

INSTANTIATE_TEST_SUITE_P(Each, StockConverters,
                         testing::Combine(testing::Values("fresnel", "ohm"),
                                          testing::Values("baseline", "v2")),
                         name_of);

}  // namespace
}  // namespace relfence::lab
