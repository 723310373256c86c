// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>
#include <vpx/vpx_decoder.h>

#include <relfence/base/error.hpp>

namespace relfence::board::vpu {

/// libvpx for pictures of one size, a multiple of 16, and for frames of make_vp8_frame().
///
/// Inter frames are decoded by a decoder that sees no other ones but three plain frames at its
/// start, which become its last, golden and alternative frame. Since later frames change none of
/// them, libvpx keeps these three where they are: what a frame needs of its references is written
/// right there, in place of three whole pictures with VP8_SET_REFERENCE. That libvpx plays along is
/// checked at the start. Not thread-safe; to be thrown away after an error.
class Vp8Codec {
  public:
    /// Fails when libvpx does, and with ENOTSUP when it keeps its references elsewhere.
    [[nodiscard]] static Result<std::unique_ptr<Vp8Codec>> create(unsigned width, unsigned height);
    Vp8Codec(const Vp8Codec&) = delete;
    Vp8Codec& operator=(const Vp8Codec&) = delete;
    ~Vp8Codec();

    [[nodiscard]] bool is_for(unsigned width, unsigned height) const {
        return width == width_ && height == height_;
    }
    /// Fetches parts of a reference for the next inter frame. @param index 0 to 2: last, golden,
    /// alternative @param nv12 the picture @param tiles see Vp8Needs
    void fetch(std::size_t index, std::span<const std::byte> nv12,
               std::span<const std::uint8_t> tiles);
    /// Lines of a picture, and where they begin in one.
    struct Lines {
        std::uint64_t offset;
        std::span<const std::byte> bytes;
    };
    /// Decodes a frame. @return the picture as NV12, by rows of macroblocks: valid until the next
    ///         call
    [[nodiscard]] Result<std::vector<Lines>> decode(std::span<const std::uint8_t> frame,
                                                    bool key_frame);

  private:
    Vp8Codec(unsigned width, unsigned height) : width_{width}, height_{height} {}
    [[nodiscard]] Result<void> start();
    [[nodiscard]] Result<void> check_references();
    [[nodiscard]] Result<const vpx_image_t*> picture_of(vpx_codec_ctx_t& context,
                                                        std::span<const std::uint8_t> frame) const;
    void fetch_run(const vpx_image_t& reference, const std::uint8_t* nv12, unsigned row,
                   unsigned from, unsigned to) const;
    [[nodiscard]] std::vector<Lines> lines_of(const vpx_image_t& image);

    unsigned width_;
    unsigned height_;
    vpx_codec_ctx_t key_frames_{};
    vpx_codec_ctx_t inter_frames_{};
    std::array<vpx_image_t, 3> references_{};  // of inter_frames_
    std::vector<std::uint8_t> chroma_;         // of the last picture, as it goes to memory
};

}  // namespace relfence::board::vpu
