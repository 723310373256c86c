// SPDX-License-Identifier: MIT
#include "stateless/mpeg2_headers.hpp"

#include <cerrno>
#include <random>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mpeg2_writer.hpp"

namespace relfence::stateless {
namespace {

using board::RandomFrame;
using board::write_random_mpeg2;

/// Catches wrong references in streams with fields, where four pictures can be two frames.
TEST(Mpeg2Headers, KnowsTheFramesThatAPictureNeeds) {
    const std::vector<RandomFrame> frames{{'I', 'P'}, {'P'}, {'B', 'B'}, {'P', 'P'}, {'B'}};
    const auto stream = write_random_mpeg2({.top_field_first = false}, frames);
    const auto pictures = parse_mpeg2(stream);
    ASSERT_TRUE(pictures) << pictures.error().message();
    struct Expected {
        std::size_t frame;
        bool second;
        int forward, backward;
    };
    const Expected expected[] = {{0, false, -1, -1}, {0, true, -1, -1}, {1, false, 0, -1},
                                 {2, false, 0, 1},   {2, true, 0, 1},   {3, false, 1, -1},
                                 {3, true, 1, -1},   {4, false, 1, 3}};
    ASSERT_EQ(pictures->size(), std::size(expected));
    auto number = [](const std::optional<std::size_t>& frame) {
        return frame ? static_cast<int>(*frame) : -1;
    };
    for (std::size_t i = 0; i < std::size(expected); ++i) {
        const Mpeg2CodedPicture& picture = (*pictures)[i];
        EXPECT_EQ(picture.frame, expected[i].frame) << i;
        EXPECT_EQ(picture.second_field, expected[i].second) << i;
        EXPECT_EQ(number(picture.forward), expected[i].forward) << i;
        EXPECT_EQ(number(picture.backward), expected[i].backward) << i;
        EXPECT_EQ(picture.sequence.horizontal_size, 96);
        EXPECT_EQ(picture.sequence.flags & V4L2_MPEG2_SEQ_FLAG_PROGRESSIVE, 0);
        EXPECT_FALSE(picture.slices.empty());
        // Of fields, whether the top one is the first; the stream has 0 there.
        EXPECT_EQ(picture.picture.flags & V4L2_MPEG2_PIC_FLAG_TOP_FIELD_FIRST, 0U);
    }
    const auto top_first = write_random_mpeg2({.top_field_first = true}, frames);
    const auto others = parse_mpeg2(top_first);
    ASSERT_TRUE(others);
    for (const Mpeg2CodedPicture& picture : *others)
        EXPECT_NE(picture.picture.flags & V4L2_MPEG2_PIC_FLAG_TOP_FIELD_FIRST, 0U);
}

TEST(Mpeg2Headers, RefusesWhatIsNoMpeg2) {
    const auto good = write_random_mpeg2({}, std::vector<RandomFrame>{{'I'}, {'P'}});
    ASSERT_TRUE(parse_mpeg2(good));
    auto code_of = [](std::vector<std::uint8_t> stream) {
        const auto parsed = parse_mpeg2(stream);
        return parsed ? 0 : parsed.error().code;
    };
    EXPECT_EQ(code_of({}), EBADMSG);
    EXPECT_EQ(code_of(std::vector<std::uint8_t>(1000)), EBADMSG);
    EXPECT_EQ(code_of({good.begin(), good.begin() + 10}), EBADMSG);
    EXPECT_EQ(code_of({good.begin(), good.begin() + 40}), EBADMSG);
    EXPECT_EQ(code_of({good.begin() + 22, good.end()}), EBADMSG) << "no sequence header";
    std::vector<std::uint8_t> mpeg1 = good;
    mpeg1.erase(mpeg1.begin() + 12, mpeg1.begin() + 22);
    EXPECT_EQ(code_of(mpeg1), EBADMSG) << "no sequence extension";
}

/// Meant for runs with sanitizers: what it gives must lie in the stream.
TEST(Mpeg2Headers, SurvivesAnyStream) {
    const auto good = write_random_mpeg2({}, std::vector<RandomFrame>{{'I', 'P'}, {'P'}, {'B'}});
    std::mt19937 random{3};
    for (int round = 0; round < 300; ++round) {
        auto stream = good;
        stream.resize(random() % stream.size());
        for (unsigned i = 0; i < 40 && !stream.empty(); ++i)
            stream[random() % stream.size()] = static_cast<std::uint8_t>(random() % 4);
        const auto pictures = parse_mpeg2(stream);
        if (!pictures) continue;
        for (const Mpeg2CodedPicture& picture : *pictures) {
            EXPECT_GE(picture.slices.data(), stream.data());
            EXPECT_LE(picture.slices.data() + picture.slices.size(), stream.data() + stream.size());
        }
    }
}

}  // namespace
}  // namespace relfence::stateless
