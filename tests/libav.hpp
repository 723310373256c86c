// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

extern "C" {
#include <libavcodec/avcodec.h>
}

namespace relfence::testing {

/// Frees what libavcodec allocates for a test.
struct FreeLibav {
    void operator()(AVCodecContext* context) const { avcodec_free_context(&context); }
    void operator()(AVCodecParserContext* parser) const { av_parser_close(parser); }
    void operator()(AVFrame* frame) const { av_frame_free(&frame); }
    void operator()(AVPacket* packet) const { av_packet_free(&packet); }
};

/// An object of libavcodec that a test owns.
template <typename T>
using OwnedLibav = std::unique_ptr<T, FreeLibav>;

}  // namespace relfence::testing
