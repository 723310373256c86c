// SPDX-License-Identifier: MIT
#include "stock_clips.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <stdexcept>

#include <fmt/format.h>

#include "../board/h264_streams.hpp"
#include "../board/mpeg2_streams.hpp"
#include "../board/vp8_player.hpp"
#include "../board/vp8_streams.hpp"
#include "display_order.hpp"

namespace relfence::lab {
namespace fs = std::filesystem;
namespace {

constexpr const char* vp8_elements = "ivfparse ! v4l2slvp8dec";

std::vector<std::uint8_t> bytes_of(const fs::path& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

void put_number(std::vector<std::uint8_t>& to, std::uint64_t value, unsigned bytes) {
    for (; bytes > 0; --bytes, value >>= 8U) to.push_back(static_cast<std::uint8_t>(value));
}

std::vector<std::uint8_t> ivf_of(const testing::Vp8Stream& stream, unsigned width,
                                 unsigned height) {
    std::vector<std::uint8_t> file{'D', 'K', 'I', 'F', 0, 0, 32, 0, 'V', 'P', '8', '0'};
    put_number(file, width, 2);
    put_number(file, height, 2);
    put_number(file, 30, 4);  // frames
    put_number(file, 1, 4);   // in a second
    put_number(file, stream.size(), 8);
    for (std::size_t i = 0; i < stream.size(); ++i) {
        put_number(file, stream[i].size(), 4);
        put_number(file, i, 8);
        file.insert(file.end(), stream[i].begin(), stream[i].end());
    }
    return file;
}

Clip make_vp8_clip(const std::string& name, const testing::Vp8Wish& wish) {
    const auto stream = testing::encode_vp8(wish);
    Clip clip{"vp8-" + name, vp8_elements, ivf_of(stream, wish.width, wish.height), {}};
    for (const auto& picture : testing::play_with_libvpx(stream))
        clip.frames.push_back({wish.width, wish.height, testing::md5(picture)});
    return clip;
}

Clip make_clip(const std::string& name, const char* elements, AVCodecID codec,
               std::vector<std::uint8_t> stream, int frames) {
    Clip clip{name, elements, std::move(stream), {}};
    for (const auto& picture : decode_in_display_order(codec, clip.bytes))
        clip.frames.push_back({picture.width, picture.height, testing::md5(picture.i420)});
    if (clip.frames.size() != static_cast<std::size_t>(frames))
        throw std::runtime_error{
            fmt::format("{}: libavcodec shows {} of {} frames", name, clip.frames.size(), frames)};
    return clip;
}

Clip make_mpeg2_clip(const std::string& name, const board::Mpeg2Encoding& encoding) {
    return make_clip("mpeg2-" + name, "mpegvideoparse ! v4l2slmpeg2dec", AV_CODEC_ID_MPEG2VIDEO,
                     board::encode_mpeg2(encoding), encoding.frames);
}

Clip make_h264_clip(const std::string& name, int width, int height, const std::string& options) {
    board::H264Encoding encoding;
    encoding.width = width;
    encoding.height = height;
    encoding.frames = 20;
    encoding.options = options;
    return make_clip("h264-" + name, "h264parse ! v4l2slh264dec", AV_CODEC_ID_H264,
                     board::encode_h264(encoding), encoding.frames);
}

/// A name of the vectors' MD5 files: "vp80-00-comprehensive-001-176x144-0001.i420".
ShownPicture listed_picture(const std::string& line) {
    static const std::regex form{R"(([0-9a-f]{32})\s+\S*-(\d+)x(\d+)-\d+\.i420\s*)"};
    std::smatch parts;
    if (!std::regex_match(line, parts, form))
        throw std::runtime_error{"no line of an MD5 file: " + line};
    return {static_cast<unsigned>(std::stoul(parts[2])),
            static_cast<unsigned>(std::stoul(parts[3])), parts[1]};
}

constexpr std::size_t rounded(std::size_t value, std::size_t to) {
    return (value + to - 1) / to * to;
}

/// A plane as GStreamer lays it out: gst_video_info_set_format() of I420.
struct Plane {
    std::size_t width, height, stride, lines;
};
std::vector<Plane> planes_of(unsigned width, unsigned height) {
    const std::size_t lines = rounded(height, 2), half = rounded(width, 2) / 2;
    const Plane chroma{half, lines / 2, rounded(half, 4), lines / 2};
    return {{width, height, rounded(width, 4), lines}, chroma, chroma};
}

/// Takes a frame's visible samples out of what is left of a file; none if it is not all there.
std::vector<std::uint8_t> take_frame(std::span<const std::uint8_t>& rest, unsigned width,
                                     unsigned height) {
    const auto planes = planes_of(width, height);
    std::size_t size = 0;
    for (const Plane& plane : planes) size += plane.stride * plane.lines;
    if (rest.size() < size) return {};
    std::vector<std::uint8_t> samples;
    for (const Plane& plane : planes) {
        for (std::size_t y = 0; y < plane.height; ++y) {
            const auto line = rest.subspan(y * plane.stride, plane.width);
            samples.insert(samples.end(), line.begin(), line.end());
        }
        rest = rest.subspan(plane.stride * plane.lines);
    }
    return samples;
}

}  // namespace

std::vector<Clip> vp8_clips() {
    return {
        make_vp8_clip("plain", {}),
        make_vp8_clip("odd-size", {.width = 175, .height = 143, .version = 2}),
        make_vp8_clip("partitions", {.width = 320, .height = 240, .log2_partitions = 3}),
        make_vp8_clip("alternative", {.frames = 60, .alternative = true}),
        make_vp8_clip("segments", {.resilient = true, .segments = true, .sharpness = 5}),
    };
}

std::vector<Clip> vp8_vectors(const std::string& directory) {
    std::vector<Clip> clips;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator{directory, error}) {
        if (entry.path().extension() != ".ivf") continue;
        Clip clip{entry.path().stem(), vp8_elements, bytes_of(entry.path()), {}};
        std::ifstream file{entry.path().string() + ".md5"};
        for (std::string line; std::getline(file, line);)
            clip.frames.push_back(listed_picture(line));
        if (clip.frames.empty()) throw std::runtime_error{clip.name + " has no MD5"};
        clip.one_checksum = clip.frames.size() == 1;
        clips.push_back(std::move(clip));
    }
    std::ranges::sort(clips, {}, &Clip::name);
    return clips;
}

std::vector<Clip> mpeg2_clips() {
    return {
        make_mpeg2_clip("b-frames", {.frames = 24}),
        make_mpeg2_clip("matrices",
                        {.width = 320, .height = 240, .matrices = true, .dc_precision = 2}),
    };
}

std::vector<Clip> h264_clips() {
    return {
        make_h264_clip("baseline", 176, 144, "bframes=0:cabac=0:8x8dct=0:weightp=0:ref=1"),
        make_h264_clip("b-frames", 176, 144, "bframes=2:b-pyramid=none:ref=2"),
        make_h264_clip("b-pyramid", 320, 240, "bframes=3:b-pyramid=normal:ref=4:direct=temporal"),
        make_h264_clip("weighted", 180, 100, "bframes=3:weightp=2:weightb=1:8x8dct=1:ref=3"),
    };
}

std::vector<std::string> differences(const Clip& clip, std::span<const std::uint8_t> written) {
    std::vector<std::string> found;
    auto rest = written;
    if (clip.one_checksum) {
        const ShownPicture& picture = clip.frames.front();
        std::vector<std::uint8_t> all;
        for (bool more = true; more;) {
            const auto frame = take_frame(rest, picture.width, picture.height);
            all.insert(all.end(), frame.begin(), frame.end());
            more = !frame.empty();
        }
        if (testing::md5(all) != picture.md5)
            found.push_back(fmt::format("{}: {} bytes of frames have another MD5 than {}",
                                        clip.name, all.size(), picture.md5));
    } else {
        for (std::size_t i = 0; i < clip.frames.size(); ++i) {
            const ShownPicture& picture = clip.frames[i];
            const auto frame = take_frame(rest, picture.width, picture.height);
            if (frame.empty()) {
                found.push_back(
                    fmt::format("{}: {} frames of {}", clip.name, i, clip.frames.size()));
                break;
            }
            if (testing::md5(frame) != picture.md5)
                found.push_back(fmt::format("{}: frame {} differs", clip.name, i));
        }
    }
    if (!rest.empty() && found.empty())
        found.push_back(fmt::format("{}: {} bytes too many", clip.name, rest.size()));
    return found;
}

}  // namespace relfence::lab
