// SPDX-License-Identifier: MIT
#include "display_order.hpp"

#include <stdexcept>

#include "../libav.hpp"

namespace relfence::lab {
namespace {

template <typename T>
using Owned = relfence::testing::OwnedLibav<T>;

Picture picture_of(const AVFrame& frame) {
    if (frame.format != AV_PIX_FMT_YUV420P && frame.format != AV_PIX_FMT_YUVJ420P)
        throw std::runtime_error{"the stream is not 4:2:0 with 8 bits"};
    Picture picture{static_cast<unsigned>(frame.width), static_cast<unsigned>(frame.height), {}};
    for (int plane = 0; plane < 3; ++plane) {
        const int width = plane == 0 ? frame.width : (frame.width + 1) / 2;
        const int height = plane == 0 ? frame.height : (frame.height + 1) / 2;
        for (int y = 0; y < height; ++y) {
            const std::uint8_t* const line = frame.data[plane] + y * frame.linesize[plane];
            picture.i420.insert(picture.i420.end(), line, line + width);
        }
    }
    return picture;
}

}  // namespace

std::vector<Picture> decode_in_display_order(AVCodecID id, std::span<const std::uint8_t> stream) {
    const AVCodec* const codec = avcodec_find_decoder(id);
    if (codec == nullptr) throw std::runtime_error{"libavcodec lacks a decoder"};
    const Owned<AVCodecContext> context{avcodec_alloc_context3(codec)};
    context->err_recognition = AV_EF_EXPLODE;
    context->error_concealment = 0;  // with it, libavcodec takes every field for damaged
    context->has_b_frames = 4;       // else it finds out by dropping a frame
    context->thread_count = 1;
    if (avcodec_open2(context.get(), codec, nullptr) < 0)
        throw std::runtime_error{"opening libavcodec's decoder failed"};
    const Owned<AVCodecParserContext> parser{av_parser_init(id)};
    const Owned<AVFrame> frame{av_frame_alloc()};
    const Owned<AVPacket> packet{av_packet_alloc()};

    std::vector<Picture> pictures;
    const auto decode = [&](const AVPacket* coded) {
        if (avcodec_send_packet(context.get(), coded) < 0)
            throw std::runtime_error{"the stream is damaged"};
        while (avcodec_receive_frame(context.get(), frame.get()) >= 0)
            pictures.push_back(picture_of(*frame));
    };
    std::vector<std::uint8_t> padded(stream.begin(), stream.end());
    padded.resize(stream.size() + AV_INPUT_BUFFER_PADDING_SIZE);
    std::size_t at = 0;
    for (bool more = true; more;) {
        const std::size_t left = stream.size() - at;
        const int used = av_parser_parse2(parser.get(), context.get(), &packet->data, &packet->size,
                                          padded.data() + at, static_cast<int>(left),
                                          AV_NOPTS_VALUE, AV_NOPTS_VALUE, 0);
        at += static_cast<std::size_t>(used);
        if (packet->size > 0) decode(packet.get());
        more = left > 0 || packet->size > 0;
    }
    decode(nullptr);
    return pictures;
}

}  // namespace relfence::lab
