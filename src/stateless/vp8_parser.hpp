// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <linux/v4l2-controls.h>
#include <span>

#include <relfence/base/error.hpp>

namespace relfence::stateless {

/// Where a reference comes from after a frame.
enum class Vp8Source : std::uint8_t { kept, current, last, golden, alternative };

/// What a stateless driver has to be told about a frame, and what becomes of the references.
struct Vp8Picture {
    /// Complete but for the timestamps of the references, see Vp8References.
    v4l2_ctrl_vp8_frame control{};
    Vp8Source last = Vp8Source::kept;
    Vp8Source golden = Vp8Source::kept;
    Vp8Source alternative = Vp8Source::kept;

    [[nodiscard]] bool key_frame() const {
        return (control.flags & V4L2_VP8_FRAME_FLAG_KEY_FRAME) != 0;
    }
    [[nodiscard]] bool shown() const {
        return (control.flags & V4L2_VP8_FRAME_FLAG_SHOW_FRAME) != 0;
    }
};

/// Parses frame headers of one VP8 stream, in order: RFC 6386, sections 9 and 19.2.
///
/// Keeps what headers do not repeat: probabilities, segments, filter deltas. A value type: copy it
/// to try a frame. A parser of our own since it is less than the glue to one that brings GLib along
/// into the guest's program.
class Vp8Parser {
  public:
    /// @param frame one whole frame. Fails with EBADMSG when its header ends too early or is wrong,
    ///        or when a stream does not begin with a key frame; the parser is as before then.
    [[nodiscard]] Result<Vp8Picture> parse(std::span<const std::uint8_t> frame);

  private:
    /// What goes on to the next frame.
    struct State {
        bool started = false;
        std::uint16_t width = 0;
        std::uint16_t height = 0;
        std::uint8_t horizontal_scale = 0;
        std::uint8_t vertical_scale = 0;
        v4l2_vp8_segment segment{};
        v4l2_vp8_loop_filter filter{};
        v4l2_vp8_entropy entropy{};
        std::uint64_t sign_bias = 0;  ///< V4L2_VP8_FRAME_FLAG_SIGN_BIAS_*
    };
    State state_;
};

}  // namespace relfence::stateless
