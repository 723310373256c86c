// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <relfence/base/error.hpp>

namespace relfence::board::vpu {

/// A decoder's picture in memory, Y, Cb and Cr at half the size. Belongs to the decoder; good until
/// the decoder has had two more pictures.
struct PlanarFrame {
    std::array<std::uint8_t*, 3> planes{};
    std::array<int, 3> strides{};
};

/// libavcodec's MPEG-2 decoder, with a hand in the frames that it keeps.
///
/// libavcodec takes no reference frames, but it takes its frames from whoever uses it: what
/// is written into a frame that it keeps is what the next picture is predicted from. After
/// reference_stream() twice it predicts B pictures from the two frames that these gave, after once
/// P pictures from that one. Own thread only.
class Mpeg2Codec {
  public:
    [[nodiscard]] static Result<Mpeg2Codec> create();
    Mpeg2Codec(Mpeg2Codec&&) noexcept;
    Mpeg2Codec& operator=(Mpeg2Codec&&) noexcept;
    ~Mpeg2Codec();

    /// Decodes one picture, for a field the lines of that field.
    /// @param stream see picture_stream()
    /// @param complete whether every macroblock has to be there; of fields libavcodec cannot tell
    /// @return the frame it is in. EBADMSG when the stream is damaged, ENOMEM
    [[nodiscard]] Result<PlanarFrame> decode(std::span<const std::uint8_t> stream, bool complete);

  private:
    struct State;
    explicit Mpeg2Codec(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace relfence::board::vpu
