// SPDX-License-Identifier: MIT
#include "h264_streams.hpp"

#include <stdexcept>

extern "C" {
#include <libavutil/opt.h>
}

#include "../libav.hpp"

namespace relfence::board {
namespace {

template <typename T>
using Owned = relfence::testing::OwnedLibav<T>;

int checked(int result, const std::string& what) {
    if (result < 0) throw std::runtime_error{what + " failed"};
    return result;
}

/// Blocks that move at different speeds over a slanted ramp with noise, brighter from frame to
/// frame, so that weighted prediction has something to do.
void draw(AVFrame& frame, int number, const H264Encoding& encoding) {
    for (int plane = 0; plane < 3; ++plane) {
        const int half = plane == 0 ? 0 : 1;
        for (int y = 0; y < (encoding.height + half) >> half; ++y)
            for (int x = 0; x < (encoding.width + half) >> half; ++x) {
                const int time = number * 2 + (encoding.interlaced ? y & 1 : 0);
                const int u = (x << half) + time * 3 * encoding.seed, v = (y << half) + time;
                const int block = ((u / 23 + v / 17) & 1) * 60;
                const int still = (x * 7 + y * 3 + plane * 31) % 50;
                const int noise =
                    static_cast<int>(static_cast<unsigned>(u * 7919 + v * 104729) >> 5 & 7U);
                frame.data[plane][y * frame.linesize[plane] + x] = static_cast<std::uint8_t>(
                    30 + block + (x < encoding.width / 3 ? still : u % 90) + noise + number);
            }
    }
}

Owned<AVCodecContext> open_encoder(const H264Encoding& encoding) {
    const AVCodec* codec = avcodec_find_encoder_by_name("libx264");
    if (codec == nullptr) throw std::runtime_error{"libavcodec has no libx264"};
    Owned<AVCodecContext> context{avcodec_alloc_context3(codec)};
    context->width = encoding.width;
    context->height = encoding.height;
    context->pix_fmt = AV_PIX_FMT_YUV420P;
    context->time_base = {1, 25};
    context->log_level_offset = AV_LOG_INFO;  // no statistics
    context->thread_count = 1;
    const auto set = [&](const char* name, const std::string& value) {
        checked(av_opt_set(context.get(), name, value.c_str(), AV_OPT_SEARCH_CHILDREN), name);
    };
    set("preset", "medium");
    if (!encoding.profile.empty()) set("profile", encoding.profile);
    // Nothing that depends on how fast the machine is or what the scene looks like.
    set("x264-params",
        "threads=1:lookahead-threads=1:qp=24:keyint=10:min-keyint=10:"
        "scenecut=0:b-adapt=0:" +
            encoding.options);
    checked(avcodec_open2(context.get(), codec, nullptr), "opening the encoder");
    return context;
}

void keep(const AVFrame& frame, ShownFrame& to) {
    to.width = static_cast<std::uint32_t>(frame.width);
    to.height = static_cast<std::uint32_t>(frame.height);
    for (int y = 0; y < frame.height; ++y)
        to.luma.insert(to.luma.end(), frame.data[0] + y * frame.linesize[0],
                       frame.data[0] + y * frame.linesize[0] + frame.width);
    for (int y = 0; y < (frame.height + 1) / 2; ++y)
        for (int x = 0; x < (frame.width + 1) / 2; ++x)
            for (int plane : {1, 2})
                to.chroma.push_back(frame.data[plane][y * frame.linesize[plane] + x]);
}

}  // namespace

std::vector<std::uint8_t> encode_h264(const H264Encoding& encoding) {
    Owned<AVCodecContext> context = open_encoder(encoding);
    Owned<AVFrame> frame{av_frame_alloc()};
    Owned<AVPacket> packet{av_packet_alloc()};
    std::vector<std::uint8_t> stream;
    const auto drain = [&] {
        while (avcodec_receive_packet(context.get(), packet.get()) >= 0)
            stream.insert(stream.end(), packet->data, packet->data + packet->size);
    };
    for (int number = 0; number < encoding.frames; ++number) {
        av_frame_unref(frame.get());
        frame->format = AV_PIX_FMT_YUV420P;
        frame->width = encoding.width;
        frame->height = encoding.height;
        checked(av_frame_get_buffer(frame.get(), 0), "a frame's memory");
        draw(*frame, number, encoding);
        frame->pts = number;
        checked(avcodec_send_frame(context.get(), frame.get()), "encoding");
        drain();
    }
    checked(avcodec_send_frame(context.get(), nullptr), "encoding");
    drain();
    return stream;
}

std::map<std::size_t, ShownFrame> decode_whole_h264(std::span<const std::uint8_t> stream) {
    const AVCodec* codec = avcodec_find_decoder_by_name("h264");
    Owned<AVCodecContext> context{avcodec_alloc_context3(codec)};
    context->err_recognition = AV_EF_EXPLODE;
    // It would find out by dropping a frame.
    context->has_b_frames = 4;
    context->thread_count = 1;
    checked(avcodec_open2(context.get(), codec, nullptr), "opening the decoder");
    Owned<AVCodecParserContext> parser{av_parser_init(AV_CODEC_ID_H264)};
    Owned<AVFrame> frame{av_frame_alloc()};
    Owned<AVPacket> packet{av_packet_alloc()};
    std::map<std::size_t, ShownFrame> frames;
    const auto drain = [&] {
        while (avcodec_receive_frame(context.get(), frame.get()) >= 0) {
            if (frame->decode_error_flags != 0) throw std::runtime_error{"the stream is damaged"};
            keep(*frame, frames[static_cast<std::size_t>(frame->coded_picture_number)]);
        }
    };
    std::vector<std::uint8_t> padded(stream.begin(), stream.end());
    padded.resize(stream.size() + AV_INPUT_BUFFER_PADDING_SIZE);
    int at = 0, left = static_cast<int>(stream.size());
    for (bool more = true; more;) {
        const bool flushing = left == 0;
        std::uint8_t* data = nullptr;
        int size = 0;
        const int used =
            av_parser_parse2(parser.get(), context.get(), &data, &size, padded.data() + at, left,
                             AV_NOPTS_VALUE, AV_NOPTS_VALUE, 0);
        at += used;
        left -= used;
        more = !flushing || size > 0;
        if (size == 0) continue;
        packet->data = data;
        packet->size = size;
        checked(avcodec_send_packet(context.get(), packet.get()), "decoding the whole stream");
        drain();
    }
    checked(avcodec_send_packet(context.get(), nullptr), "decoding the whole stream");
    drain();
    return frames;
}

}  // namespace relfence::board
