// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "board/vpu/h264_fields.hpp"
#include "board/vpu/memory_check.hpp"
#include "board/vpu/mpeg2_registers.hpp"
#include "board/vpu/vdpu2_registers.hpp"
#include "board/vpu/vp8_fields.hpp"

namespace relfence::board::vpu {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint32_t columns = 11, rows = 10;  // 176x160: 42240 bytes
constexpr std::uint32_t frame_a = 0x100000, frame_b = 0x110000, frame_c = 0x120000;
constexpr std::uint32_t stream_at = 0x200000, tables_at = 0x210000;
constexpr std::uint32_t line = columns * 16;

/// Registers as a driver leaves them that makes no mistake; each test makes one.
class VpuMemory : public testing::Test {
  protected:
    VpuMemory() : registers{"vdpu", vdpu2::block_size, vdpu2::registers, vdpu2::fields} {
        registers.add_view(vp8_fields::all());
        registers.add_view(mpeg2::fields);
        registers.add_view(h264_fields::all());
    }

    void program_vp8(std::uint32_t output, std::uint32_t reference) {
        namespace f = vp8_fields;
        registers.reset();
        registers.put(vdpu2::dec_mode, vdpu2::dec_mode_vp8);
        registers.put(f::pic_mb_width, columns);
        registers.put(f::pic_mb_height, rows);
        registers.put(f::dec_out_base, output);
        registers.put(f::qtable_base, tables_at);
        registers.put(f::mb_stream_base, stream_at);
        registers.put(f::mb_stream_len, 100);
        registers.put(f::dct_base[0], stream_at + 100);
        registers.put(f::stream_len, 1000);
        registers.put(f::pic_inter_e, reference != 0 ? 1 : 0);
        for (const auto& base : f::refer_base) registers.put(base, reference);
    }
    void program_h264(std::uint32_t output, bool field, bool bottom, std::uint32_t reference) {
        namespace f = h264_fields;
        registers.reset();
        registers.put(vdpu2::dec_mode, vdpu2::dec_mode_h264);
        registers.put(f::pic_mb_width, columns);
        registers.put(f::pic_mb_height, rows);
        registers.put(f::pic_fieldmode_e, field ? 1 : 0);
        registers.put(f::pic_topfield_e, bottom ? 0 : 1);
        registers.put(f::dec_out_base, output + (bottom ? line : 0));
        registers.put(f::write_mvs_e, 1);
        registers.put(f::dir_mv_base, output + 42240);
        registers.put(f::qtable_base, tables_at);
        registers.put(f::rlc_vlc_base, stream_at);
        registers.put(f::stream_len, 1000);
        registers.put(f::refer_base[0], reference | 3);
        registers.put(f::refer_valid_e, reference == 0 ? 0 : field ? 3U << 30 : 1U << 31);
    }
    void program_mpeg2(std::uint32_t output, std::uint32_t forward, std::uint32_t backward) {
        registers.reset();
        registers.put(vdpu2::dec_mode, vdpu2::dec_mode_mpeg2);
        registers.put(mpeg2::mb_width, columns);
        registers.put(mpeg2::mb_height, rows);
        registers.set(mpeg2::output_base, output);
        registers.set(mpeg2::quantisation_base, tables_at);
        registers.set(mpeg2::stream_base, stream_at);
        registers.put(mpeg2::stream_length, 1000);
        registers.put(mpeg2::inter_picture, forward != 0 ? 1 : 0);
        registers.put(mpeg2::b_picture, backward != 0 ? 1 : 0);
        for (const auto base : {mpeg2::forward_top_base, mpeg2::forward_bottom_base})
            registers.set(base, forward);
        for (const auto base : {mpeg2::backward_top_base, mpeg2::backward_bottom_base})
            registers.set(base, backward);
    }
    auto look() { return check.look(registers); }

    regs::RegisterBank registers;
    MemoryCheck check;
};

/// Catches a check that complains of what drivers rightly do.
TEST_F(VpuMemory, RightAddressesArePassed) {
    program_vp8(frame_a, 0);
    EXPECT_THAT(look(), IsEmpty());
    program_vp8(frame_b, frame_a | 1);  // with a sign bias
    EXPECT_THAT(look(), IsEmpty());
    program_vp8(frame_b, frame_b);  // a reference that is missing
    EXPECT_THAT(look(), IsEmpty());
    program_h264(frame_c, true, false, frame_a);
    EXPECT_THAT(look(), IsEmpty());
    program_h264(frame_c, true, true, frame_c);  // its own first field
    EXPECT_THAT(look(), IsEmpty());
    program_h264(frame_a, false, false, frame_c);
    EXPECT_THAT(look(), IsEmpty());
    program_mpeg2(frame_b, frame_a, frame_c);
    EXPECT_THAT(look(), IsEmpty());
}

/// Catches a reference that lies in memory, but where no frame is.
TEST_F(VpuMemory, AReferenceMustBeAFrame) {
    program_vp8(frame_a, 0);
    ASSERT_THAT(look(), IsEmpty());
    program_vp8(frame_b, frame_a + line);
    registers.put(vp8_fields::refer_base[0], frame_a);
    EXPECT_THAT(look(),
                ElementsAre("the golden reference is no frame that a job has written",
                            "the alternative reference is no frame that a job has written"));
    program_h264(frame_b, true, false, frame_c);
    EXPECT_THAT(look(), ElementsAre("reference 0 is no frame that a job has written"));
    program_mpeg2(frame_b, frame_a, frame_c);
    EXPECT_THAT(look(), ElementsAre("the backward reference is no frame that a job has written"));
}

/// Catches buffers that are too small, or an offset within one that is wrong.
TEST_F(VpuMemory, WhatIsWrittenMustNotBeWhatIsRead) {
    program_vp8(stream_at - 42240 + 1, 0);
    EXPECT_THAT(look(),
                ElementsAre("the frame of the job lies in the memory of its first partition"));
    program_vp8(stream_at - 42240, 0);
    EXPECT_THAT(look(), IsEmpty());
    program_h264(frame_a, false, false, 0);
    registers.put(h264_fields::dir_mv_base, frame_a + 42239);
    EXPECT_THAT(look(),
                ElementsAre("the motion vectors of the job lie in the memory of its frame"));
    program_mpeg2(tables_at, 0, 0);
    EXPECT_THAT(look(),
                ElementsAre("the frame of the job lies in the memory of its quantisation tables"));
}

}  // namespace
}  // namespace relfence::board::vpu
