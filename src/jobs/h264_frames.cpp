// SPDX-License-Identifier: MIT
#include "jobs/h264_frames.hpp"

#include <algorithm>
#include <linux/videodev2.h>
#include <span>

#include "jobs/bit_writer.hpp"

namespace relfence::jobs {
namespace {

constexpr std::uint8_t main_profile = 77;
constexpr std::uint8_t level_4 = 40;
constexpr unsigned marking_bits = 2;  ///< no_output_of_prior_pics_flag, long_term_reference_flag

/// A NAL unit with its start code, and what must not look like one escaped, H.264 7.4.1.
void append_nal(std::vector<std::uint8_t>& to, std::uint8_t header,
                std::span<const std::uint8_t> payload) {
    to.insert(to.end(), {0, 0, 0, 1, header});
    unsigned zeros = 0;
    for (const std::uint8_t byte : payload) {
        if (zeros >= 2 && byte <= 3) {
            to.push_back(3);
            zeros = 0;
        }
        to.push_back(byte);
        zeros = byte == 0 ? zeros + 1 : 0;
    }
}

void end_of_nal(BitWriter& to) {
    to.put(1, 1);
    to.align();
}

/// VUI parameters that say but one thing, E.1.1: pictures come in the order in which they are
/// coded. Without it a decoder may keep them until its picture buffer is full.
void write_no_reordering(BitWriter& to) {
    to.put(1, 1);                                       // there are VUI parameters
    to.put(8, 0);                                       // none of those
    to.put(2, 0b11);                                    // but restrictions; no motion, no matter
    for (unsigned i = 0; i < 4; ++i) to.exp_golomb(0);  // no limits of sizes and vectors
    to.exp_golomb(0);                                   // none are reordered
    to.exp_golomb(1);                                   // one is kept, for reference
}

void write_pcm(BitWriter& to, std::uint8_t luma) {
    constexpr std::uint32_t pcm = 25;
    to.exp_golomb(pcm);
    std::vector<std::uint8_t> samples(384, 128);
    std::fill_n(samples.begin(), 256, luma);
    to.bytes(samples);
}

/// All of it as what is left of it. Without coefficients, but their number is coded, by a table
/// that the neighbours' numbers choose, H.264 9.2.1: PCM counts as 16.
void write_copy_of_left(BitWriter& to, bool after_pcm) {
    to.exp_golomb(2);  // Intra 16x16, horizontal, no coefficients but DC
    to.exp_golomb(1);  // chroma: horizontal
    to.exp_golomb(0);  // quantiser as before
    to.code(after_pcm ? "000011" : "1");
}

class H264Frames final : public FrameSource {
  public:
    H264Frames(unsigned width, unsigned height) : width_{width}, height_{height} {
        sps_.profile_idc = main_profile;
        sps_.level_idc = level_4;
        sps_.chroma_format_idc = 1;
        sps_.pic_order_cnt_type = 2;
        sps_.max_num_ref_frames = 1;
        sps_.pic_width_in_mbs_minus1 = static_cast<std::uint16_t>(width / 16 - 1);
        sps_.pic_height_in_map_units_minus1 = static_cast<std::uint16_t>(height / 16 - 1);
        sps_.flags = V4L2_H264_SPS_FLAG_FRAME_MBS_ONLY | V4L2_H264_SPS_FLAG_DIRECT_8X8_INFERENCE;
        pps_.flags = V4L2_H264_PPS_FLAG_DEBLOCKING_FILTER_CONTROL_PRESENT;
        constexpr std::uint8_t flat = 16;  // scaling that changes nothing
        for (auto& list : scaling_.scaling_list_4x4) std::ranges::fill(list, flat);
        for (auto& list : scaling_.scaling_list_8x8) std::ranges::fill(list, flat);
        decode_.nal_ref_idc = 3;
        decode_.dec_ref_pic_marking_bit_size = marking_bits;
        decode_.flags = V4L2_H264_DECODE_PARAM_FLAG_IDR_PIC;
    }

    [[nodiscard]] std::uint32_t coded_format() const override { return V4L2_PIX_FMT_H264_SLICE; }
    [[nodiscard]] unsigned width() const override { return width_; }
    [[nodiscard]] unsigned height() const override { return height_; }
    [[nodiscard]] std::size_t largest() const override { return std::size_t{width_} * height_; }
    Result<CodedFrame> frame(unsigned index, std::uint64_t /*timestamp*/) override {
        slice_ = make_h264_slice(width_, height_, index);
        if (broken_) slice_.resize(slice_.size() / 4);
        decode_.idr_pic_id = static_cast<std::uint16_t>(index % 2);
        return CodedFrame{slice_,
                          {{V4L2_CID_STATELESS_H264_SPS, &sps_, sizeof sps_},
                           {V4L2_CID_STATELESS_H264_PPS, &pps_, sizeof pps_},
                           {V4L2_CID_STATELESS_H264_SCALING_MATRIX, &scaling_, sizeof scaling_},
                           {V4L2_CID_STATELESS_H264_DECODE_PARAMS, &decode_, sizeof decode_}}};
    }
    bool spoil() override { return broken_ = true; }

  private:
    unsigned width_;
    unsigned height_;
    bool broken_ = false;
    std::vector<std::uint8_t> slice_;
    v4l2_ctrl_h264_sps sps_{};
    v4l2_ctrl_h264_pps pps_{};
    v4l2_ctrl_h264_scaling_matrix scaling_{};
    v4l2_ctrl_h264_decode_params decode_{};
};

}  // namespace

std::vector<std::uint8_t> make_h264_slice(unsigned width, unsigned height, unsigned index) {
    BitWriter to;
    to.exp_golomb(0);          // first macroblock
    to.exp_golomb(7);          // I, as all slices of the picture
    to.exp_golomb(0);          // picture parameter set
    to.put(4, 0);              // frame_num
    to.exp_golomb(index % 2);  // idr_pic_id
    to.put(marking_bits, 0);
    to.exp_golomb(0);  // quantiser
    to.exp_golomb(1);  // no deblocking
    for (unsigned row = 0; row < height / 16; ++row) {
        write_pcm(to, static_cast<std::uint8_t>(16 + (row * 7 + index * 61) % 220));
        for (unsigned column = 1; column < width / 16; ++column)
            write_copy_of_left(to, column == 1);
    }
    end_of_nal(to);
    std::vector<std::uint8_t> stream;
    append_nal(stream, 0x65, to.bytes());
    return stream;
}

std::vector<std::uint8_t> make_h264_parameters(unsigned width, unsigned height) {
    std::vector<std::uint8_t> stream;
    BitWriter sps;
    sps.put(8, main_profile);
    sps.put(8, 0);
    sps.put(8, level_4);
    for (const std::uint32_t value : {0U, 0U, 2U, 1U}) sps.exp_golomb(value);
    sps.put(1, 0);  // no gaps
    sps.exp_golomb(width / 16 - 1);
    sps.exp_golomb(height / 16 - 1);
    sps.put(1, 1);  // frames only
    sps.put(1, 1);  // direct_8x8_inference_flag
    sps.put(1, 0);  // no cropping
    write_no_reordering(sps);
    end_of_nal(sps);
    append_nal(stream, 0x67, sps.bytes());
    BitWriter pps;
    pps.exp_golomb(0);
    pps.exp_golomb(0);
    pps.put(2, 0);                                       // CAVLC
    for (unsigned i = 0; i < 3; ++i) pps.exp_golomb(0);  // slice groups, references
    pps.put(3, 0);                                       // weights
    for (unsigned i = 0; i < 3; ++i) pps.exp_golomb(0);  // quantisers
    pps.put(3, 0b100);                                   // deblocking_filter_control_present_flag
    end_of_nal(pps);
    append_nal(stream, 0x68, pps.bytes());
    return stream;
}

std::unique_ptr<FrameSource> h264_frames(unsigned width, unsigned height) {
    return std::make_unique<H264Frames>(width, height);
}

}  // namespace relfence::jobs
