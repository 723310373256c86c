// SPDX-License-Identifier: MIT
#include <cerrno>
#include <ostream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "board/vpu/h264_fields.hpp"
#include "h264_client.hpp"

namespace relfence::board {
namespace {

using testing::IsEmpty;

struct Case {
    const char* name;
    H264Encoding encoding;
    friend void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }
};

class H264Decode : public testing::Test {
  protected:
    H264Hardware hardware;
};

/// Catches a register, a table or a part of the slice header that is read or written wrongly: each
/// case makes the stream depend on other ones.
class H264Streams : public H264Decode, public testing::WithParamInterface<Case> {};

TEST_P(H264Streams, GivesThePixelsThatLibavcodecGives) {
    H264Client client{hardware, encode_h264(GetParam().encoding)};
    client.decode_all();
    EXPECT_EQ(client.compared(), static_cast<std::size_t>(GetParam().encoding.frames));
    EXPECT_THAT(client.wrong_frames(), IsEmpty());
    // No picture of a stream without losses is put in without its motion.
    EXPECT_EQ(hardware.engine.replaced_references(), 0U);
}

H264Encoding with(const std::string& options, const std::string& profile = {}) {
    H264Encoding encoding;
    encoding.options = options;
    encoding.profile = profile;
    return encoding;
}
H264Encoding interlaced(const std::string& options) {
    H264Encoding encoding = with(options);
    encoding.interlaced = true;
    return encoding;
}
H264Encoding sized(int width, int height, const std::string& options) {
    H264Encoding encoding = with(options);
    encoding.width = width;
    encoding.height = height;
    return encoding;
}

INSTANTIATE_TEST_SUITE_P(
    Cases, H264Streams,
    testing::Values(
        Case{"Baseline", with("bframes=0:ref=1", "baseline")},
        Case{"BaselineManyReferences", with("bframes=0:ref=8:slices=3", "baseline")},
        Case{"MainCavlc", with("cabac=0:bframes=3:ref=4", "main")},
        Case{"MainCabac", with("bframes=3:ref=4", "main")},
        Case{"High", with("bframes=3:ref=4:8x8dct=1:b-pyramid=normal")},
        Case{"HighCavlc", with("cabac=0:bframes=2:ref=3:8x8dct=1")},
        Case{"SpatialDirect", with("bframes=3:direct=spatial:weightb=0")},
        Case{"TemporalDirect", with("bframes=3:direct=temporal:weightb=0:ref=3")},
        Case{"ImplicitWeights", with("bframes=3:direct=temporal:weightb=1:ref=3:b-pyramid=strict")},
        Case{"ExplicitWeights", with("bframes=0:weightp=2:ref=4")},
        Case{"ScalingLists", with("bframes=2:cqm=jvt:8x8dct=1")},
        Case{"ScalingLists4x4", with("bframes=2:cqm=jvt:8x8dct=0", "high")},
        Case{"ManySlices", with("slices=5:bframes=2:ref=2")},
        Case{"SlicesWithinRows", with("slice-max-mbs=7:bframes=1")},
        Case{"NoDeblocking", with("no-deblock=1:bframes=1")},
        Case{"DeblockingOffsets", with("deblock=-3,2:slices=2")},
        Case{"ChromaOffset", with("chroma-qp-offset=-5:bframes=1")},
        Case{"ConstrainedIntra", with("constrained-intra=1:bframes=1")},
        Case{"ManyReferences", with("ref=16:bframes=0:keyint=40")},
        Case{"OpenGop", with("open-gop=1:bframes=3:keyint=6:min-keyint=6")},
        Case{"IntraOnly", with("keyint=1")},
        Case{"Mbaff", interlaced("interlaced=1:bframes=2:ref=3")},
        Case{"MbaffCavlcTemporal", interlaced("interlaced=1:cabac=0:bframes=2:direct=temporal")},
        Case{"BottomFirst", interlaced("bff=1:bframes=2:ref=3")},
        Case{"FakeInterlaced", with("fake-interlaced=1:bframes=2:ref=3")},
        Case{"Cropped", sized(188, 106, "bframes=2")},
        Case{"Wide", sized(720, 64, "bframes=1:slices=2")}),
    [](const auto& one) { return std::string{one.param.name}; });

/// Catches a decoder that mixes up what it keeps of two streams.
TEST_F(H264Decode, KeepsTwoStreamsApartThatTakeTurns) {
    H264Client one{hardware, encode_h264(with("bframes=3:ref=4:direct=temporal"))};
    H264Encoding other_encoding = sized(112, 80, "bframes=1:ref=2:cabac=0");
    other_encoding.seed = 3;
    H264Client other{hardware, encode_h264(other_encoding)};
    while (!one.ended() || !other.ended())
        for (H264Client* client : {&one, &other}) {
            if (client->ended()) continue;
            ASSERT_NO_FATAL_FAILURE(client->decode_next());
        }
    EXPECT_THAT(one.wrong_frames(), IsEmpty());
    EXPECT_THAT(other.wrong_frames(), IsEmpty());
    EXPECT_EQ(hardware.engine.replaced_references(), 0U);
}

/// Catches a decoder that predicts from pixels of its own.
TEST_F(H264Decode, PredictsFromThePixelsInMemory) {
    H264Client client{hardware, encode_h264(with("bframes=0:ref=1"))};
    ASSERT_NO_FATAL_FAILURE(client.decode_next());
    ASSERT_THAT(client.wrong_frames(), IsEmpty());
    for (std::uint8_t& pixel : client.buffer(0).first(client.buffer(0).size() * 2 / 3))
        pixel = static_cast<std::uint8_t>(pixel + 7);
    ASSERT_NO_FATAL_FAILURE(client.decode_next());
    EXPECT_GT(client.wrong_pixels(1), std::size_t{176} * 144 / 2);
}

/// Catches a decoder that needs to have seen the references: the hardware has not either.
TEST_F(H264Decode, GoesOnAfterLostJobsFromWhatIsInMemory) {
    H264Client client{hardware, encode_h264(with("bframes=0:ref=3:keyint=40"))};
    for (std::size_t i = 0; !client.ended(); ++i) {
        if (i != 4 && i != 5 && i != 9) {
            ASSERT_NO_FATAL_FAILURE(client.decode_next());
            continue;
        }
        client.program();
        client.pass_over();
        const ShownFrame& frame = client.expected(i);
        auto buffer = client.buffer(i);
        std::ranges::copy(frame.luma, buffer.begin());
        std::ranges::copy(frame.chroma,
                          buffer.begin() + static_cast<std::ptrdiff_t>(frame.luma.size()));
    }
    EXPECT_THAT(client.wrong_frames(), IsEmpty());
    EXPECT_EQ(hardware.engine.replaced_references(), 3U);
}

TEST_F(H264Decode, BeginsInTheMiddleOfAStream) {
    H264Client client{hardware, encode_h264(with("bframes=0:ref=3:keyint=40"))};
    for (int i = 0; i < 7; ++i) ASSERT_NO_FATAL_FAILURE(client.decode_next());
    hardware.engine = vpu::H264Decoder{};
    ASSERT_NO_FATAL_FAILURE(client.decode_all());
    EXPECT_THAT(client.wrong_frames(), IsEmpty());
    EXPECT_EQ(hardware.engine.replaced_references(), 3U);
}

/// Catches writes out of order, twice, or beside the frame: somebody watches it grow.
TEST_F(H264Decode, WritesRowsFromTopToBottomLumaBeforeChroma) {
    H264Client client{hardware, encode_h264(with("bframes=0"))};
    client.program();
    const auto writes = client.run();
    ASSERT_TRUE(writes);
    ASSERT_EQ(writes->size(), 2U * 9);
    const std::uint64_t luma = hardware.registers.get(vpu::h264_fields::dec_out_base);
    for (std::size_t row = 0; row < 9; ++row) {
        EXPECT_EQ((*writes)[2 * row].address, luma + row * 16 * 176);
        EXPECT_EQ((*writes)[2 * row].bytes.size(), 16U * 176);
        EXPECT_EQ((*writes)[2 * row + 1].address, luma + 176 * 144 + row * 8 * 176);
        EXPECT_EQ((*writes)[2 * row + 1].bytes.size(), 8U * 176);
    }
}

/// What the driver could have programmed wrongly.
struct Mistake {
    const char* name;
    const regs::Field& field;
    std::uint32_t value;
    const char* options;
    std::size_t picture;  ///< in which it must show
    friend void PrintTo(const Mistake& one, std::ostream* out) { *out << one.name; }
};

/// The control of the cases above: catches a register that the engine does not look at.
class H264Mistakes : public H264Decode, public testing::WithParamInterface<Mistake> {};

TEST_P(H264Mistakes, ShowInThePicture) {
    const Mistake& mistake = GetParam();
    H264Client client{hardware, encode_h264(with(mistake.options))};
    for (std::size_t i = 0; i < mistake.picture; ++i) ASSERT_NO_FATAL_FAILURE(client.decode_next());
    const std::size_t frame = client.next().frame;
    client.program();
    ASSERT_NE(hardware.registers.get(mistake.field), mistake.value);
    hardware.registers.put(mistake.field, mistake.value);
    const auto writes = client.run();
    if (!writes) {
        EXPECT_EQ(writes.error().code, EBADMSG);
        return;
    }
    client.apply(*writes);
    EXPECT_GT(client.wrong_pixels(frame), 0U);
}

namespace f = vpu::h264_fields;
INSTANTIATE_TEST_SUITE_P(
    Fields, H264Mistakes,
    testing::Values(
        Mistake{"InitQp", f::init_qp, 30, "bframes=0", 0},
        Mistake{"ChromaOffset", f::ch_qp_offset, 4, "bframes=0", 0},
        Mistake{"ChromaOffset2", f::ch_qp_offset2, 9, "bframes=0", 0},
        Mistake{"Cabac", f::cabac_e, 0, "bframes=0", 0},
        Mistake{"Transform", f::trans_8x8_flag_e, 0, "bframes=0", 0},
        Mistake{"NumberLength", f::framenum_len, 9, "bframes=0", 1},
        Mistake{"CountLength", f::poc_length, 17, "bframes=0", 1},
        Mistake{"MarkingLength", f::refpic_mk_len, 9, "bframes=0", 1},
        Mistake{"FilterControl", f::filt_ctrl_pres, 0, "bframes=0:deblock=3,3", 0},
        Mistake{"Scaling", f::type1_quant_e, 0, "bframes=0:cqm=jvt", 0},
        Mistake{"Weights", f::weight_pred_e, 0, "bframes=0:weightp=2", 1},
        Mistake{"BiWeights", f::weight_bipr_idc, 0, "bframes=3:weightb=1:b-pyramid=none", 2},
        Mistake{"Width", f::pic_mb_width, 10, "bframes=0", 0},
        Mistake{"Height", f::pic_mb_height, 10, "bframes=0", 0},
        Mistake{"FieldFlag", f::fieldpic_flag_e, 1, "bframes=0", 0},
        Mistake{"ListOfP", f::pinit_rlist[0], 0, "bframes=0:ref=2:weightp=0", 2},
        Mistake{"ListOfPWithout", f::pinit_rlist[0], 15, "bframes=0:ref=1:weightp=0", 1},
        Mistake{"List0OfB", f::binit_rlist_f[0], 1, "bframes=3:b-pyramid=none", 2},
        Mistake{"List1OfB", f::binit_rlist_b[0], 0, "bframes=3:b-pyramid=none", 2},
        Mistake{"Valid", f::refer_valid_e, 0, "bframes=0", 1}),
    [](const auto& one) { return std::string{one.param.name}; });

/// Catches a read or write beyond the guest's memory, and one that nobody checks.
TEST_F(H264Decode, ReportsAddressesWhereNoMemoryIs) {
    const auto outside = static_cast<std::uint32_t>(hardware.dma.end() - 64) & ~0xfU;
    for (const regs::Field* field : {&f::rlc_vlc_base, &f::qtable_base, &f::dec_out_base,
                                     &f::dir_mv_base, &f::refer_base[0]}) {
        SCOPED_TRACE(field->name);
        H264Client client{hardware, encode_h264(with("bframes=0"))};
        ASSERT_NO_FATAL_FAILURE(client.decode_next());
        client.program();
        hardware.registers.put(*field, outside);
        const auto writes = client.run();
        ASSERT_FALSE(writes);
        EXPECT_EQ(writes.error().code, EFAULT);
    }
}

TEST_F(H264Decode, RefusesStreamsThatAreCutOffOrDamaged) {
    for (const char* options : {"bframes=0", "bframes=0:cabac=0", "bframes=0:slices=4"}) {
        SCOPED_TRACE(options);
        H264Encoding encoding = with(options);
        encoding.frames = 2;
        const std::vector<std::uint8_t> stream = encode_h264(encoding);
        H264Client client{hardware, stream};
        ASSERT_NO_FATAL_FAILURE(client.decode_next());
        // Less and less of the second picture; whole slices are missing, too.
        const std::size_t size = client.pictures()[1].slices.size();
        for (std::size_t length = 0; length < size - 16; length += 1 + length / 3) {
            H264Client again{hardware, stream};
            ASSERT_NO_FATAL_FAILURE(again.decode_next());
            again.program();
            hardware.registers.put(f::stream_len, static_cast<std::uint32_t>(length));
            const auto writes = again.run();
            ASSERT_FALSE(writes) << length << " bytes of " << size;
            EXPECT_EQ(writes.error().code, EBADMSG);
        }
    }
}

/// Any bytes at all: an error or a picture, but within memory. Meant for a sanitizer.
TEST_F(H264Decode, SurvivesAnyBytes) {
    std::uint32_t random = 1;
    const auto next = [&random] { return random = random * 1664525 + 1013904223; };
    H264Client client{hardware, encode_h264(with("bframes=2:ref=3:slices=2"))};
    for (int round = 0; !client.ended(); ++round) {
        client.program();
        auto source = client.source();
        for (int i = 0; i < 1 + round % 4; ++i)
            source[(next() >> 8) % source.size()] = static_cast<std::uint8_t>(next() >> 24);
        const auto writes = client.run();
        if (writes) hardware.dma.apply(*writes);
    }
    // And the next stream is none the worse for it.
    H264Client healthy{hardware, encode_h264(with("bframes=2:ref=3"))};
    ASSERT_NO_FATAL_FAILURE(healthy.decode_all());
    EXPECT_THAT(healthy.wrong_frames(), IsEmpty());
}

}  // namespace
}  // namespace relfence::board
