// SPDX-License-Identifier: MIT
#include "board/vpu/h264_codec.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/frame.h>
}

namespace relfence::board::vpu {
namespace {

/// Lines that deblocking holds back: between a slice with and one without it a band seems to be
/// missing that is none. A row that is missing leaves a larger hole.
constexpr int held_back_by_deblocking = 8;

}  // namespace

void CodecDelete::operator()(AVCodecContext* context) const {
    avcodec_free_context(&context);
}
void CodecDelete::operator()(AVFrame* frame) const {
    av_frame_free(&frame);
}
void CodecDelete::operator()(AVPacket* packet) const {
    av_packet_free(&packet);
}

H264Codec::~H264Codec() = default;

Result<std::unique_ptr<H264Codec>> H264Codec::create() {
    const AVCodec* decoder = avcodec_find_decoder_by_name("h264");
    if (decoder == nullptr)
        return tl::make_unexpected(Error{ENOSYS, "libavcodec", "no H.264 decoder", {}});
    const auto no_memory = [] {
        return tl::make_unexpected(Error{ENOMEM, "libavcodec", "H.264 decoder", {}});
    };
    std::unique_ptr<H264Codec> codec(new H264Codec);
    codec->context_.reset(avcodec_alloc_context3(decoder));
    codec->packet_.reset(av_packet_alloc());
    codec->shown_.reset(av_frame_alloc());
    if (!codec->context_ || !codec->packet_ || !codec->shown_) return no_memory();
    AVCodecContext& context = *codec->context_;
    context.opaque = codec.get();
    context.thread_count = 1;
    context.flags |= AV_CODEC_FLAG_LOW_DELAY | AV_CODEC_FLAG_OUTPUT_CORRUPT;
    // What is wrong with a stream is told by the result: nothing for the terminal.
    context.log_level_offset = 100;
    // The hardware stops at an error, and so must the decoder: no concealment.
    context.error_concealment = 0;
    context.err_recognition = AV_EF_EXPLODE;
    context.get_buffer2 = get_buffer;
    context.draw_horiz_band = draw_band;
    context.slice_flags = SLICE_FLAG_CODED_ORDER | SLICE_FLAG_ALLOW_FIELD;
    if (avcodec_open2(&context, decoder, nullptr) < 0) return no_memory();
    return codec;
}

int H264Codec::get_buffer(AVCodecContext* context, AVFrame* frame, int flags) {
    const int result = avcodec_default_get_buffer2(context, frame, flags);
    if (result == 0) static_cast<H264Codec*>(context->opaque)->begun_.reset(av_frame_clone(frame));
    return result;
}

void H264Codec::draw_band(AVCodecContext* context, const AVFrame*, int[], int y, int type,
                          int height) {
    auto& codec = *static_cast<H264Codec*>(context->opaque);
    // Of a field, lines are counted in the frame.
    const int lines = type == 3 ? 1 : 2;
    if (y / lines > codec.reached_ + held_back_by_deblocking) codec.holes_ = true;
    codec.reached_ = std::max(codec.reached_, (y + height) / lines);
}

H264Codec::Outcome H264Codec::decode(const std::vector<std::uint8_t>& stream, unsigned rows) {
    begun_.reset();
    reached_ = 0;
    holes_ = false;
    Outcome outcome;
    if (av_new_packet(packet_.get(), static_cast<int>(stream.size())) < 0) return outcome;
    std::memcpy(packet_->data, stream.data(), stream.size());
    int result = avcodec_send_packet(context_.get(), packet_.get());
    av_packet_unref(packet_.get());
    // Nothing is done with what it shows; but it decodes on being asked.
    while (result >= 0) result = avcodec_receive_frame(context_.get(), shown_.get());
    outcome.healthy = result == AVERROR(EAGAIN);
    outcome.complete = !holes_ && reached_ == static_cast<int>(rows) * 16;
    outcome.frame = std::move(begun_);
    return outcome;
}

}  // namespace relfence::board::vpu
