// SPDX-License-Identifier: MIT
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mpeg2_client.hpp"
#include "mpeg2_writer.hpp"

namespace relfence::board {
namespace {

using vpu::decode_mpeg2;

class Mpeg2Fields : public testing::Test {
  protected:
    Mpeg2Hardware hardware;
};

struct RandomCase {
    const char* name;
    std::vector<RandomFrame> frames;
    RandomStream stream{};
};

/// Catches a field that goes to the wrong lines, takes the wrong reference for one of the two
/// fields, or does not find the first field of its own frame; dual-prime in frames with the wrong
/// field first.
class RandomMpeg2 : public Mpeg2Fields, public testing::WithParamInterface<RandomCase> {};

TEST_P(RandomMpeg2, GivesThePixelsThatLibavcodecGives) {
    for (bool top_field_first : {true, false}) {
        for (unsigned seed : {1U, 2U, 3U}) {
            Mpeg2Hardware fresh;
            RandomStream stream = GetParam().stream;
            stream.top_field_first = top_field_first;
            stream.seed = seed;
            Mpeg2Client client{fresh, write_random_mpeg2(stream, GetParam().frames)};
            while (!client.ended()) ASSERT_NO_FATAL_FAILURE(client.decode_next());
            EXPECT_EQ(client.frames(), GetParam().frames.size());
            EXPECT_EQ(client.wrong_frames(), 0U) << "top first: " << top_field_first;
        }
    }
}

const std::vector<RandomFrame> all_frames{{'I'}, {'P'}, {'B'}, {'B'}, {'P'}, {'B'}, {'I'}, {'P'}};
// Not {'I', 'P'} at the beginning: nothing lies there for the same field of the frame before.
const std::vector<RandomFrame> all_fields{{'I', 'I'}, {'P', 'P'}, {'B', 'B'}, {'B', 'B'},
                                          {'P', 'P'}, {'I', 'P'}, {'B', 'B'}, {'P', 'P'}};
const std::vector<RandomFrame> mixed{{'I'},      {'P', 'P'}, {'B'}, {'B', 'B'}, {'P'},
                                     {'B', 'B'}, {'I', 'P'}, {'P'}, {'P', 'P'}};

INSTANTIATE_TEST_SUITE_P(
    All, RandomMpeg2,
    testing::Values(
        RandomCase{"frames", all_frames}, RandomCase{"fields", all_fields},
        RandomCase{"mixed", mixed},
        RandomCase{"concealment_vectors", mixed, {.concealment_vectors = true}},
        RandomCase{"dual_prime_frames", {{'I'}, {'P'}, {'P'}, {'P'}}, {.dual_prime = true}},
        RandomCase{"dual_prime_fields",
                   {{'I', 'I'}, {'P', 'P'}, {'I', 'P'}, {'P', 'P'}},
                   {.mb_height = 8, .dual_prime = true}},
        RandomCase{
            "switches",
            mixed,
            {.intra_vlc = true, .alternate_scan = true, .q_scale_type = true, .dc_precision = 1}}),
    [](const auto& test) { return std::string{test.param.name}; });

/// The control: with the fields of a reference exchanged, a field is predicted from other pixels.
TEST_F(Mpeg2Fields, TakesEachFieldOfAReferenceFromItsOwnAddress) {
    Mpeg2Client client{hardware, write_random_mpeg2({}, all_fields)};
    for (int i = 0; i < 3; ++i) ASSERT_NO_FATAL_FAILURE(client.decode_next());
    // The second field of the first P frame: top from the frame before, bottom from its own frame
    // would be right for the first field's order, and the other way round for this one.
    const Mpeg2Job job = client.job(3);
    ASSERT_TRUE(job.controls->second_field);
    ASSERT_EQ(job.controls->picture.picture_structure, V4L2_MPEG2_PIC_BOTTOM_FIELD);
    program_mpeg2(job, hardware.dma, hardware.registers);
    const std::uint32_t top = hardware.registers.value(vpu::mpeg2::forward_top_base);
    const std::uint32_t bottom = hardware.registers.value(vpu::mpeg2::forward_bottom_base);
    ASSERT_NE(top, bottom);
    hardware.registers.set(vpu::mpeg2::forward_top_base, bottom);
    hardware.registers.set(vpu::mpeg2::forward_bottom_base, top);
    hardware.dma.apply(*decode_mpeg2(hardware.registers, hardware.dma));
    EXPECT_GT(client.wrong_pixels(1), 0U);
    ASSERT_NO_FATAL_FAILURE(client.decode_next());
    EXPECT_EQ(client.wrong_pixels(1), 0U);
}

/// A field must leave the lines of the other one alone, in memory that a consumer may look at.
TEST_F(Mpeg2Fields, WritesTheLinesOfAFieldOnly) {
    Mpeg2Client client{hardware, write_random_mpeg2({}, all_fields)};
    for (std::size_t number : {0U, 1U}) {
        const Mpeg2Job job = client.job(number);
        auto writes = client.run(job);
        ASSERT_TRUE(writes);
        EXPECT_EQ(writes->size(), 96U / 2 + 48U / 2);
        const std::uint64_t parity =
            job.controls->picture.picture_structure == V4L2_MPEG2_PIC_BOTTOM_FIELD ? 1 : 0;
        for (const MemoryWrite& write : *writes) {
            EXPECT_EQ(write.bytes.size(), 96U);
            EXPECT_EQ((write.address - job.destination) / 96 % 2, parity);
        }
        hardware.dma.apply(*writes);
    }
}

/// libavcodec conceals nothing in fields, and so does not notice what is missing there.
TEST_F(Mpeg2Fields, ReportsADamagedField) {
    Mpeg2Client client{hardware, write_random_mpeg2({}, all_fields)};
    for (std::size_t number : {0U, 1U, 4U}) {
        const Mpeg2Job good = client.job(number);
        ASSERT_TRUE(client.run(good));
        Mpeg2Job job = good;
        job.source_size = good.source_size / 2;
        auto writes = client.run(job);
        ASSERT_FALSE(writes);
        EXPECT_EQ(writes.error().code, EBADMSG) << writes.error().message();
        auto bytes = hardware.dma.at(good.source, good.source_size);
        std::fill(bytes.begin() + 8, bytes.begin() + 40, std::uint8_t{0xff});
        writes = client.run(good);
        ASSERT_FALSE(writes);
        EXPECT_EQ(writes.error().code, EBADMSG) << writes.error().message();
    }
}

/// A guest may write anything into its stream, also while the engine reads: no crash, no endless
/// loop, and afterwards the engine is as before. Meant for runs with sanitizers.
TEST_F(Mpeg2Fields, SurvivesAnythingInTheSlices) {
    Mpeg2Client client{hardware, write_random_mpeg2({.concealment_vectors = true}, mixed)};
    std::mt19937 random{7};
    int damaged = 0;
    for (std::size_t number = 0; number < client.pictures().size(); ++number) {
        for (int round = 0; round < 20; ++round) {
            const Mpeg2Job job = client.job(number);
            auto bytes = hardware.dma.at(job.source, job.source_size);
            for (unsigned flips = 1 + random() % 8; flips > 0; --flips)
                bytes[random() % bytes.size()] ^= static_cast<std::uint8_t>(1U << random() % 8);
            auto writes = client.run(job);
            if (writes) continue;
            EXPECT_EQ(writes.error().code, EBADMSG) << writes.error().message();
            ++damaged;
        }
        ASSERT_NO_FATAL_FAILURE(client.decode_next());
    }
    EXPECT_GT(damaged, 20);
    EXPECT_EQ(client.wrong_frames(), 0U);
}

}  // namespace
}  // namespace relfence::board
