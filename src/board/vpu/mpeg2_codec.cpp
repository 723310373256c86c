// SPDX-License-Identifier: MIT
#include "board/vpu/mpeg2_codec.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

extern "C" {
#include <libavcodec/avcodec.h>
}

namespace relfence::board::vpu {
namespace {

struct Free {
    void operator()(AVCodecContext* context) const { avcodec_free_context(&context); }
    void operator()(AVFrame* frame) const { av_frame_free(&frame); }
    void operator()(AVPacket* packet) const { av_packet_free(&packet); }
};
using Frame = std::unique_ptr<AVFrame, Free>;

/// Added to the level of a message. libavutil looks at the sum's low byte only.
constexpr int beyond_any_log_level = 128;

tl::unexpected<Error> no_memory() {
    return fail_errno("decode MPEG-2", "libavcodec", ENOMEM);
}

}  // namespace

struct Mpeg2Codec::State {
    std::unique_ptr<AVCodecContext, Free> context;
    std::unique_ptr<AVPacket, Free> packet;
    Frame output;
    Frame latest;  ///< the frame that was last given to the decoder
    unsigned given = 0;

    static int give_frame(AVCodecContext* context, AVFrame* frame, int flags) {
        auto& self = *static_cast<State*>(context->opaque);
        if (const int error = avcodec_default_get_buffer2(context, frame, flags); error < 0)
            return error;
        self.latest.reset(av_frame_clone(frame));
        ++self.given;
        return self.latest ? 0 : AVERROR(ENOMEM);
    }
};

Mpeg2Codec::Mpeg2Codec(std::unique_ptr<State> state) : state_{std::move(state)} {}
Mpeg2Codec::Mpeg2Codec(Mpeg2Codec&&) noexcept = default;
Mpeg2Codec& Mpeg2Codec::operator=(Mpeg2Codec&&) noexcept = default;
Mpeg2Codec::~Mpeg2Codec() = default;

Result<Mpeg2Codec> Mpeg2Codec::create() {
    const AVCodec* codec = avcodec_find_decoder(AV_CODEC_ID_MPEG2VIDEO);
    if (codec == nullptr) return fail("has no MPEG-2 decoder", "libavcodec");
    auto state = std::make_unique<State>();
    state->context.reset(avcodec_alloc_context3(codec));
    state->packet.reset(av_packet_alloc());
    state->output.reset(av_frame_alloc());
    if (!state->context || !state->packet || !state->output) return no_memory();
    AVCodecContext& context = *state->context;
    context.opaque = state.get();
    context.get_buffer2 = State::give_frame;
    context.thread_count = 1;
    context.thread_type = FF_THREAD_SLICE;
    context.err_recognition = AV_EF_EXPLODE;
    // Reference pictures come out at once too, and with them how they went.
    context.flags |= AV_CODEC_FLAG_LOW_DELAY | AV_CODEC_FLAG_OUTPUT_CORRUPT;
    // What is wrong with a stream is the caller's to tell.
    context.log_level_offset = beyond_any_log_level;
    if (avcodec_open2(&context, codec, nullptr) < 0)
        return fail("does not open its MPEG-2 decoder", "libavcodec");
    return Mpeg2Codec{std::move(state)};
}

Result<PlanarFrame> Mpeg2Codec::decode(std::span<const std::uint8_t> stream, bool complete) {
    State& state = *state_;
    std::vector<std::uint8_t> padded(stream.size() + AV_INPUT_BUFFER_PADDING_SIZE);
    std::ranges::copy(stream, padded.begin());
    state.packet->data = padded.data();
    state.packet->size = static_cast<int>(stream.size());
    // Only a decoder that conceals macroblocks notices that they are missing.
    state.context->error_concealment = complete ? FF_EC_GUESS_MVS : 0;
    state.given = 0;
    int result = avcodec_send_packet(state.context.get(), state.packet.get());
    int damage = 0;
    while (result >= 0) {
        result = avcodec_receive_frame(state.context.get(), state.output.get());
        if (result >= 0) damage |= state.output->decode_error_flags;
    }
    auto bad = [](std::string_view what) { return fail_errno("decode MPEG-2", what, EBADMSG); };
    if (result == AVERROR(ENOMEM)) return no_memory();
    if (result != AVERROR(EAGAIN)) return bad("the slices are damaged");
    if (state.given != 1 || state.latest->format != AV_PIX_FMT_YUV420P)
        return bad("the slices are not of one picture");
    if (complete && damage != 0) return bad("macroblocks are missing or damaged");
    PlanarFrame frame;
    for (std::size_t i = 0; i < frame.planes.size(); ++i) {
        frame.planes[i] = state.latest->data[i];
        frame.strides[i] = state.latest->linesize[i];
    }
    return frame;
}

}  // namespace relfence::board::vpu
