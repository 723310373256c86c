// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <relfence/base/error.hpp>

namespace relfence::board::vpu {

/// What the driver knows of one coded picture, a frame or a field, besides its slices. Fields have
/// the names of ISO/IEC 13818-2, 6.2.2 and 6.2.3.
struct Mpeg2Picture {
    enum class Structure : std::uint8_t { top_field = 1, bottom_field = 2, frame = 3 };
    enum class Type : std::uint8_t { intra = 1, predicted = 2, bidirectional = 3 };

    std::uint32_t mb_width = 0;
    std::uint32_t mb_height = 0;  ///< of the frame
    bool progressive_sequence = true;
    Structure structure = Structure::frame;
    Type type = Type::intra;
    std::array<std::uint8_t, 4> f_code{15, 15, 15, 15};  ///< forward x, y, backward x, y
    std::uint8_t intra_dc_precision = 0;
    bool top_field_first = false;
    bool frame_pred_frame_dct = true;
    bool concealment_motion_vectors = false;
    bool q_scale_type = false;
    bool intra_vlc_format = false;
    bool alternate_scan = false;
    /// Row by row, none of them 0.
    std::array<std::uint8_t, 64> intra_matrix{}, non_intra_matrix{};

    [[nodiscard]] bool is_field() const { return structure != Structure::frame; }
    [[nodiscard]] std::uint32_t width() const { return mb_width * 16; }
    [[nodiscard]] std::uint32_t height() const { return mb_height * 16; }
    /// Rows of macroblocks that the slices have to cover. Interlaced frames have an even number.
    [[nodiscard]] std::uint32_t slice_rows() const {
        if (progressive_sequence) return mb_height;
        return (mb_height + 1) / 2 * (is_field() ? 1 : 2);
    }
};

/// The slices in what a client handed over: from the first slice start code to the next start code
/// that is none, or the end.
/// @return EBADMSG when something else comes first, there is none, or a row of macroblocks has none
[[nodiscard]] Result<std::span<const std::uint8_t>> find_slices(
    std::span<const std::uint8_t> stream, const Mpeg2Picture& picture);

/// A stream of this picture alone: sequence, picture and their extensions in front of @p slices.
[[nodiscard]] std::vector<std::uint8_t> picture_stream(const Mpeg2Picture& picture,
                                                       std::span<const std::uint8_t> slices);

/// A stream of one intra frame of the same sequence, of which only the first macroblock is coded:
/// it makes a decoder keep a frame as a reference, whose pixels can then be replaced.
[[nodiscard]] std::vector<std::uint8_t> reference_stream(const Mpeg2Picture& picture);

}  // namespace relfence::board::vpu
