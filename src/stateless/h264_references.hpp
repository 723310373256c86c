// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <linux/v4l2-controls.h>
#include <optional>
#include <vector>

namespace relfence::stateless {

/// Which fields of a frame: V4L2_H264_TOP_FIELD_REF, V4L2_H264_BOTTOM_FIELD_REF.
using H264Fields = std::uint8_t;

/// One memory_management_control_operation, H.264 7.4.3.3.
struct H264Marking {
    unsigned operation = 0;
    std::uint32_t pic_nums_back = 0;  ///< difference_of_pic_nums_minus1
    std::uint32_t long_term = 0;      ///< whichever number of a long term picture it has
};

/// What of a picture matters to the references.
struct H264Picture {
    std::size_t frame = 0;
    std::uint32_t frame_num = 0;
    H264Fields structure = V4L2_H264_FRAME_REF;
    bool idr = false, reference = false, second_field = false;
    bool long_term_idr = false;  ///< long_term_reference_flag
    bool adaptive = false;
    std::vector<H264Marking> marking;
    std::array<std::int32_t, 2> poc{};
};

/// The reference pictures of a stream: what a client of a stateless decoder has to know of the
/// decoded picture buffer. Not thread-safe.
class H264References {
  public:
    /// Frame numbers that were left out become references that no picture has, H.264 8.2.5.2.
    void fill_gap(std::uint32_t frame_num, const v4l2_ctrl_h264_sps& sps);
    /// The references of a picture for its controls.
    void describe(const H264Picture& picture, const v4l2_ctrl_h264_sps& sps,
                  v4l2_ctrl_h264_decode_params& params) const;
    /// What the picture does, after it was decoded. @return operation 5 was among it
    bool mark(H264Picture& picture, const v4l2_ctrl_h264_sps& sps);
    void forget_all() { frames_.clear(); }
    /// frame_num of the last reference picture.
    [[nodiscard]] std::uint32_t previous_number() const { return previous_number_; }

  private:
    struct Frame {
        std::optional<std::size_t> number;  ///< none: fills a gap
        std::uint32_t frame_num = 0;
        std::optional<std::uint32_t> long_term;
        H264Fields references = 0;
        bool field_coded = false;
        std::array<std::int32_t, 2> poc{};
    };
    void slide(const v4l2_ctrl_h264_sps& sps);
    void drop(Frame& frame, H264Fields fields);
    [[nodiscard]] Frame* of_number(bool long_term, std::uint32_t number, H264Fields fields);
    void apply(const H264Marking& marking, const H264Picture& picture,
               const v4l2_ctrl_h264_sps& sps, std::optional<std::uint32_t>& own_index);
    void free_index(std::uint32_t index, const Frame* keep);

    std::vector<Frame> frames_;  ///< in decoding order
    std::uint32_t previous_number_ = 0;
};

}  // namespace relfence::stateless
