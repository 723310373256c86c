// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include <relfence/board/device_model.hpp>

#include "board/vpu/h264_codec.hpp"
#include "board/vpu/h264_headers.hpp"
#include "board/vpu/h264_job.hpp"
#include "board/vpu/h264_slice.hpp"

namespace relfence::board::vpu {

/// One stream of H264Decoder: a libavcodec decoder, and which of its pictures is which of the
/// guest's. What libavcodec keeps as references is decided here alone, through the markings that
/// are written into its slices. Not thread-safe.
class H264Stream {
  public:
    /// Decodes a job. After an error the next job begins with a new decoder.
    [[nodiscard]] Result<MemoryWrites> decode(const H264Job& job, const Dma& dma);
    /// Counts the references that were put in without their motion.
    [[nodiscard]] std::uint64_t replaced() const { return replaced_; }

  private:
    /// A reference of libavcodec.
    struct Picture {
        CodecNumber number;
        std::uint64_t address = 0;  ///< 0: no picture of the guest
        std::array<std::int32_t, 2> poc{};
        bool frame_coded = true;  ///< else as two fields
        FramePointer frame;
    };
    /// A first field that was decoded.
    struct FirstField {
        std::uint64_t address = 0;
        FieldMask field = 0;
        std::uint32_t frame_num = 0;
        bool reference = false;
        FramePointer frame;
    };
    using Slots = std::set<std::size_t>;

    [[nodiscard]] Result<void> prepare(const H264Job& job, const Slots& used, bool reference);
    [[nodiscard]] bool is_second_field(const H264Job& job, bool reference) const;
    [[nodiscard]] Picture* find(const H264Job& job, const H264Slot& slot);
    [[nodiscard]] Result<void> put_in(const H264Job& job, const H264Slot& slot);
    [[nodiscard]] Result<void> load(const H264Job& job, const Dma& dma, const Slots& used);
    /// Those that no slot names, and the oldest when there is no place for another one.
    [[nodiscard]] std::vector<CodecNumber> take_out(const H264Job& job);
    [[nodiscard]] std::array<std::int32_t, 2> order_counts(const H264Job& job) const;
    [[nodiscard]] H264Codec::Outcome run(const H264Job& job, const std::vector<std::uint8_t>& units,
                                         bool field);
    void start_again();

    std::unique_ptr<H264Codec> codec_;
    std::array<unsigned, 6> geometry_{};  ///< what makes another sequence of it
    std::vector<std::uint8_t> sent_parameters_;
    std::vector<Picture> pictures_;  ///< in decoding order
    std::optional<FirstField> first_field_;
    std::uint32_t next_number_ = 0;  ///< frame_num of the next frame
    std::uint32_t idr_pic_id_ = 0;
    std::uint64_t replaced_ = 0;
};

/// A frame or field of it as writes to guest memory.
[[nodiscard]] MemoryWrites picture_writes(const H264Job& job, const AVFrame& frame);
/// The guest's pixels of a picture into a frame of libavcodec.
void load_picture(const H264Job& job, std::span<const std::byte> nv12, AVFrame& frame);

}  // namespace relfence::board::vpu
