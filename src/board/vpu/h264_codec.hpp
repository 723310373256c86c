// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <relfence/base/error.hpp>

struct AVCodecContext;
struct AVFrame;
struct AVPacket;

namespace relfence::board::vpu {

/// Frees what libavcodec made.
struct CodecDelete {
    void operator()(AVCodecContext* context) const;
    void operator()(AVFrame* frame) const;
    void operator()(AVPacket* packet) const;
};
using FramePointer = std::unique_ptr<AVFrame, CodecDelete>;

/// libavcodec's H.264 decoder, one field or frame at a time: single threaded, nothing concealed.
///
/// Its pictures are in frames that we hold too, so that their pixels can be read and replaced while
/// the decoder keeps them as references. Not thread-safe; may move between threads.
class H264Codec {
  public:
    /// @return ENOMEM, or ENOSYS when libavcodec was built without H.264
    [[nodiscard]] static Result<std::unique_ptr<H264Codec>> create();
    ~H264Codec();

    /// What came of a field or frame.
    struct Outcome {
        FramePointer frame;     ///< the frame that it began; null when it is a second field
        bool complete = false;  ///< every row of macroblocks was decoded
        bool healthy = false;   ///< the decoder can go on: else start another one
    };
    /// Decodes the NAL units of one field or frame (and parameter sets before).
    /// @param rows rows of macroblocks of the field or frame
    [[nodiscard]] Outcome decode(const std::vector<std::uint8_t>& stream, unsigned rows);

  private:
    H264Codec() = default;
    static int get_buffer(AVCodecContext* context, AVFrame* frame, int flags);
    static void draw_band(AVCodecContext* context, const AVFrame* frame, int offset[], int y,
                          int type, int height);

    std::unique_ptr<AVCodecContext, CodecDelete> context_;
    std::unique_ptr<AVPacket, CodecDelete> packet_;
    FramePointer shown_;
    // Of the picture in work.
    FramePointer begun_;
    int reached_ = 0;  ///< lines from the top without a hole
    bool holes_ = false;
};

}  // namespace relfence::board::vpu
