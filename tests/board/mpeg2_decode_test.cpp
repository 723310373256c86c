// SPDX-License-Identifier: MIT
#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mpeg2_client.hpp"

namespace relfence::board {
namespace {

using stateless::Mpeg2CodedPicture;
using vpu::decode_mpeg2;

struct Case {
    const char* name;
    Mpeg2Encoding encoding;
};

class Mpeg2Decode : public testing::Test {
  protected:
    Mpeg2Hardware hardware;
};

/// Catches a register that is read wrongly or not at all: each case changes what one of them says.
class Mpeg2Streams : public Mpeg2Decode, public testing::WithParamInterface<Case> {};

TEST_P(Mpeg2Streams, GivesThePixelsThatLibavcodecGives) {
    Mpeg2Client client{hardware, encode_mpeg2(GetParam().encoding)};
    while (!client.ended()) ASSERT_NO_FATAL_FAILURE(client.decode_next());
    EXPECT_EQ(client.frames(), static_cast<std::size_t>(GetParam().encoding.frames));
    EXPECT_EQ(client.wrong_frames(), 0U);
}

const Case cases[] = {
    {"intra", {.b_frames = 0, .options = {{"g", "1"}}}},
    {"predicted", {.b_frames = 0}},
    {"bidirectional", {.b_frames = 2}},
    {"small", {.width = 48, .height = 48, .frames = 20}},
    {"cropped", {.width = 100, .height = 60}},
    {"high_definition", {.width = 1280, .height = 720, .frames = 5}},
    {"interlaced", {.height = 160, .interlaced = true}},
    {"interlaced_predicted", {.height = 160, .b_frames = 0, .interlaced = true}},
    {"own_matrices", {.matrices = true}},
    {"dc_precision", {.dc_precision = 2}},
    {"intra_vlc", {.options = {{"intra_vlc", "1"}}}},
    {"alternate_scan", {.height = 160, .options = {{"alternate_scan", "1"}}}},
    {"non_linear_quantiser",
     {.options = {{"non_linear_quant", "1"}, {"qmax", "28"}, {"b", "200000"}}}},
    {"slices_in_a_row", {.options = {{"ps", "40"}}}},
    {"everything",
     {.width = 180,
      .height = 160,
      .interlaced = true,
      .matrices = true,
      .dc_precision = 1,
      .options = {{"intra_vlc", "1"},
                  {"alternate_scan", "1"},
                  {"non_linear_quant", "1"},
                  {"qmax", "28"}}}},
};

INSTANTIATE_TEST_SUITE_P(All, Mpeg2Streams, testing::ValuesIn(cases),
                         [](const auto& test) { return std::string{test.param.name}; });

/// The cases above must have in them what they are named for; else they show nothing.
TEST_F(Mpeg2Decode, CasesHaveWhatTheyAreNamedFor) {
    auto encoding_of = [](std::string_view name) {
        return std::ranges::find(cases, name, &Case::name)->encoding;
    };
    auto count = [&](std::string_view name, auto&& matches) {
        const auto stream = encode_mpeg2(encoding_of(name));
        const auto pictures = stateless::parse_mpeg2(stream);
        return std::ranges::count_if(*pictures, matches);
    };
    auto flag = [](std::uint32_t bit) {
        return
            [bit](const Mpeg2CodedPicture& picture) { return (picture.picture.flags & bit) != 0; };
    };
    auto type = [](unsigned wanted) {
        return [wanted](const Mpeg2CodedPicture& picture) {
            return picture.picture.picture_coding_type == wanted;
        };
    };
    EXPECT_EQ(count("intra", type(V4L2_MPEG2_PIC_CODING_TYPE_I)), 12);
    EXPECT_GT(count("predicted", type(V4L2_MPEG2_PIC_CODING_TYPE_P)), 8);
    EXPECT_GT(count("bidirectional", type(V4L2_MPEG2_PIC_CODING_TYPE_B)), 6);
    EXPECT_EQ(count("bidirectional", flag(V4L2_MPEG2_PIC_FLAG_FRAME_PRED_DCT)), 12);
    EXPECT_EQ(count("interlaced", flag(V4L2_MPEG2_PIC_FLAG_FRAME_PRED_DCT)), 0);
    EXPECT_EQ(count("interlaced",
                    [](const Mpeg2CodedPicture& picture) {
                        return (picture.sequence.flags & V4L2_MPEG2_SEQ_FLAG_PROGRESSIVE) != 0;
                    }),
              0);
    EXPECT_EQ(count("intra_vlc", flag(V4L2_MPEG2_PIC_FLAG_INTRA_VLC)), 12);
    EXPECT_EQ(count("alternate_scan", flag(V4L2_MPEG2_PIC_FLAG_ALT_SCAN)), 12);
    EXPECT_EQ(count("non_linear_quantiser", flag(V4L2_MPEG2_PIC_FLAG_Q_SCALE_TYPE)), 12);
    EXPECT_EQ(count("dc_precision",
                    [](const Mpeg2CodedPicture& picture) {
                        return picture.picture.intra_dc_precision == 2;
                    }),
              12);
    EXPECT_EQ(count("own_matrices",
                    [](const Mpeg2CodedPicture& picture) {
                        return picture.quantisation.intra_quantiser_matrix[1] != 16 &&
                               picture.quantisation.non_intra_quantiser_matrix[0] == 21;
                    }),
              12);
    EXPECT_GT(count("slices_in_a_row",
                    [](const Mpeg2CodedPicture& picture) {
                        static constexpr std::uint8_t second_row[] = {0, 0, 1, 2};
                        auto find = [&picture](auto from) {
                            return std::search(from, picture.slices.end(), std::begin(second_row),
                                               std::end(second_row));
                        };
                        return find(find(picture.slices.begin()) + 4) != picture.slices.end();
                    }),
              6);
}

/// Catches anything that the decoder remembers from one job to the next.
TEST_F(Mpeg2Decode, KeepsNothingBetweenTheJobsOfTwoStreams) {
    Mpeg2Client progressive{hardware, encode_mpeg2({.frames = 14, .matrices = true})};
    Mpeg2Client interlaced{hardware, encode_mpeg2({.width = 96,
                                                   .height = 96,
                                                   .frames = 14,
                                                   .seed = 3,
                                                   .interlaced = true,
                                                   .dc_precision = 1})};
    while (!progressive.ended() || !interlaced.ended()) {
        for (Mpeg2Client* client : {&progressive, &interlaced}) {
            if (client->ended()) continue;
            ASSERT_NO_FATAL_FAILURE(client->decode_next());
        }
    }
    EXPECT_EQ(progressive.wrong_frames(), 0U);
    EXPECT_EQ(interlaced.wrong_frames(), 0U);
}

/// The control of all comparisons: pixels of a wrong reference, or of none, are noticed.
TEST_F(Mpeg2Decode, PredictsFromWhatLiesAtTheProgrammedAddresses) {
    Mpeg2Client client{hardware, encode_mpeg2({.frames = 6})};
    ASSERT_NO_FATAL_FAILURE(client.decode_next());
    ASSERT_EQ(client.pictures()[1].picture.picture_coding_type, V4L2_MPEG2_PIC_CODING_TYPE_P);
    const std::vector<std::uint8_t> intra(client.frame(0).begin(), client.frame(0).end());
    for (std::uint8_t& pixel : client.frame(0)) pixel ^= 0x40;
    auto writes = client.run(client.job(1));
    ASSERT_TRUE(writes);
    hardware.dma.apply(*writes);
    EXPECT_GT(client.wrong_pixels(1), 0U);

    std::ranges::copy(intra, client.frame(0).begin());
    writes = client.run(client.job(1));
    hardware.dma.apply(*writes);
    EXPECT_EQ(client.wrong_pixels(1), 0U);

    ASSERT_EQ(client.pictures()[2].picture.picture_coding_type, V4L2_MPEG2_PIC_CODING_TYPE_B);
    Mpeg2Job exchanged = client.job(2);
    std::swap(exchanged.forward, exchanged.backward);
    hardware.dma.apply(*client.run(exchanged));
    EXPECT_GT(client.wrong_pixels(2), 0U);
    hardware.dma.apply(*client.run(client.job(2)));
    EXPECT_EQ(client.wrong_pixels(2), 0U);
}

/// A consumer that does not wait must see the frame fill from the top.
TEST_F(Mpeg2Decode, WritesRowsOfMacroblocksFromTopToBottom) {
    Mpeg2Client client{hardware, encode_mpeg2({.frames = 1})};
    const Mpeg2Job job = client.job(0);
    auto writes = client.run(job);
    ASSERT_TRUE(writes);
    ASSERT_EQ(writes->size(), 2U * 9);
    const std::uint64_t chroma = job.destination + 176 * 144;
    for (std::uint64_t row = 0; row < 9; ++row) {
        EXPECT_EQ((*writes)[row * 2].address, job.destination + row * 16 * 176);
        EXPECT_EQ((*writes)[row * 2].bytes.size(), 16U * 176);
        EXPECT_EQ((*writes)[row * 2 + 1].address, chroma + row * 8 * 176);
        EXPECT_EQ((*writes)[row * 2 + 1].bytes.size(), 8U * 176);
    }
}

TEST_F(Mpeg2Decode, ReportsAddressesThatAreNotMemoryAsABusError) {
    Mpeg2Client client{hardware, encode_mpeg2({.frames = 3, .b_frames = 1})};
    ASSERT_EQ(client.pictures()[2].picture.picture_coding_type, V4L2_MPEG2_PIC_CODING_TYPE_B);
    const Mpeg2Job good = client.job(2);
    ASSERT_TRUE(client.run(good));
    // Where a frame does not fit, where no memory is, and at the very end of the bus.
    for (std::uint64_t address : {hardware.dma.end() - 128, std::uint64_t{0}, ~std::uint64_t{31}}) {
        for (std::uint32_t base :
             {vpu::mpeg2::forward_top_base, vpu::mpeg2::forward_bottom_base,
              vpu::mpeg2::backward_top_base, vpu::mpeg2::backward_bottom_base,
              vpu::mpeg2::output_base, vpu::mpeg2::stream_base, vpu::mpeg2::quantisation_base}) {
            program_mpeg2(good, hardware.dma, hardware.registers);
            hardware.registers.set(base, static_cast<std::uint32_t>(address));
            auto writes = decode_mpeg2(hardware.registers, hardware.dma);
            ASSERT_FALSE(writes) << hardware.registers.name_of(base);
            EXPECT_EQ(writes.error().code, EFAULT) << writes.error().message();
        }
    }
}

TEST_F(Mpeg2Decode, ReportsADamagedStream) {
    Mpeg2Client client{hardware, encode_mpeg2({.frames = 3, .b_frames = 1})};
    for (std::size_t number : {0U, 1U, 2U}) {
        const Mpeg2Job good = client.job(number);
        ASSERT_TRUE(client.run(good));
        auto bytes = hardware.dma.at(good.source, good.source_size);
        const std::vector<std::uint8_t> slices(bytes.begin(), bytes.end());
        auto expect_bad = [&](const char* what, const Mpeg2Job& job) {
            auto writes = client.run(job);
            ASSERT_FALSE(writes) << what;
            EXPECT_EQ(writes.error().code, EBADMSG) << writes.error().message();
            std::ranges::copy(slices, bytes.begin());
            ASSERT_TRUE(client.run(good)) << "after " << what;
        };
        Mpeg2Job job = good;
        job.source_size = good.source_size / 2;
        expect_bad("half of the slices", job);
        job.source_size = 0;
        expect_bad("no byte", job);
        std::ranges::fill(bytes, std::uint8_t{0});
        expect_bad("zeros", good);
        bytes[3] = 0xb3;
        expect_bad("a sequence header in place of a slice", good);
        static constexpr std::uint8_t fifth_row[] = {0, 0, 1, 5};
        const auto fifth =
            std::search(bytes.begin(), bytes.end(), std::begin(fifth_row), std::end(fifth_row));
        ASSERT_NE(fifth, bytes.end());
        fifth[3] = 4;
        expect_bad("a row twice and a row never", good);
        std::fill(fifth + 8, fifth + 24, std::uint8_t{0xff});
        expect_bad("damage within a slice", good);
    }
}

TEST_F(Mpeg2Decode, RefusesWhatIsNotModelled) {
    Mpeg2Client client{hardware, encode_mpeg2({.frames = 1})};
    const Mpeg2Job job = client.job(0);
    using namespace vpu::mpeg2;
    const std::pair<regs::Field, std::uint32_t> settings[] = {
        {decoding_mode, 6}, {decoding_mode, 0}, {byte_order, 0}, {rlc_mode, 1},
        {mb_width, 0},      {mb_height, 0},     {field_mode, 1},
    };
    for (const auto& [field, value] : settings) {
        program_mpeg2(job, hardware.dma, hardware.registers);
        ASSERT_TRUE(decode_mpeg2(hardware.registers, hardware.dma));
        hardware.registers.put(field, value);
        auto writes = decode_mpeg2(hardware.registers, hardware.dma);
        ASSERT_FALSE(writes) << field.name;
        EXPECT_EQ(writes.error().code, EINVAL) << writes.error().message();
    }
    program_mpeg2(job, hardware.dma, hardware.registers);
    hardware.dma.at(job.quantisation, 256)[70] = 0;
    auto writes = decode_mpeg2(hardware.registers, hardware.dma);
    ASSERT_FALSE(writes);
    EXPECT_EQ(writes.error().code, EINVAL);
}

/// The tables must know everything that the driver does: strict runs end at an unknown register.
TEST_F(Mpeg2Decode, KnowsEveryRegisterThatTheDriverWrites) {
    std::vector<std::string> reports;
    hardware.registers.on_unknown([&reports](const std::string& text) { reports.push_back(text); });
    Mpeg2Client client{hardware, encode_mpeg2({.height = 160, .frames = 4, .interlaced = true})};
    while (!client.ended()) ASSERT_NO_FATAL_FAILURE(client.decode_next());
    EXPECT_THAT(reports, testing::IsEmpty());
    hardware.registers.write(59 * 4, 1);
    EXPECT_THAT(reports, testing::SizeIs(1));
}

}  // namespace
}  // namespace relfence::board
