// SPDX-License-Identifier: MIT
// The client's side of VP8: container, frame headers, references; and the bool coder below them.
#include "stateless/vp8_parser.hpp"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stateless/ivf.hpp"
#include "stateless/vp8_references.hpp"
#include "vp8/bool_coder.hpp"
#include "vp8_streams.hpp"

namespace relfence::testing {
namespace {

using stateless::Vp8Parser;
using stateless::Vp8Picture;
using stateless::Vp8Source;

/// What was written comes back, whatever the probabilities; also from the middle on.
TEST(Vp8BoolCoder, ReadsWhatItWrote) {
    std::minstd_rand random{3};
    for (unsigned round = 0; round < 50; ++round) {
        std::vector<std::pair<bool, vp8::Probability>> bools;
        for (unsigned i = 0; i < 2000; ++i) {
            const auto probability = static_cast<vp8::Probability>(random() % 256);
            bools.emplace_back(random() % 256 >= probability, probability);
        }
        std::vector<std::uint8_t> bytes{0xaa};
        vp8::BoolEncoder to{bytes};
        for (const auto& [bit, probability] : bools) to.write(bit, probability);
        to.finish();
        EXPECT_EQ(bytes[0], 0xaa);
        const std::span coded{bytes.data() + 1, bytes.size() - 1};
        vp8::BoolDecoder from{coded};
        for (std::size_t i = 0; i < bools.size(); ++i) {
            if (i % 37 == 0) from = vp8::BoolDecoder{coded, from.state()};
            ASSERT_EQ(from.read(bools[i].second), bools[i].first) << "bool " << i;
        }
        EXPECT_FALSE(from.truncated());
    }
}

/// The rest of a code goes on in another one from where both have the same range.
TEST(Vp8BoolCoder, SplicesWhereRangesAreTheSame) {
    std::minstd_rand random{11};
    unsigned spliced = 0;
    for (unsigned round = 0; round < 200; ++round) {
        std::vector<std::pair<bool, vp8::Probability>> bools;
        for (unsigned i = 0; i < 600; ++i) {
            const auto probability = static_cast<vp8::Probability>(1 + random() % 255);
            bools.emplace_back(random() % 256 >= probability, probability);
        }
        std::vector<std::uint8_t> original, copy;
        vp8::BoolEncoder first{original};
        for (unsigned i = 0; i < round; ++i) first.flag(i % 3 == 0);
        for (const auto& [bit, probability] : bools) first.write(bit, probability);
        first.finish();
        vp8::BoolDecoder from{original};
        for (unsigned i = 0; i < round; ++i) static_cast<void>(from.flag());

        vp8::BoolEncoder second{copy};
        for (unsigned i = 0; i < 50; ++i) second.write(i % 7 == 0, 200);
        std::size_t at = 0;
        while (at < bools.size() && second.range() != from.range()) {
            second.write(from.read(bools[at].second), bools[at].second);
            ++at;
        }
        if (at == bools.size()) continue;
        ++spliced;
        second.splice(from);
        vp8::BoolDecoder again{copy};
        for (unsigned i = 0; i < 50; ++i) ASSERT_EQ(again.read(200), i % 7 == 0);
        for (std::size_t i = 0; i < bools.size(); ++i)
            ASSERT_EQ(again.read(bools[i].second), bools[i].first) << "bool " << i;
    }
    EXPECT_GT(spliced, 20U);
}

/// A carry that runs through many bytes: only the least likely bools make it.
TEST(Vp8BoolCoder, CarriesThroughManyBytes) {
    std::vector<std::uint8_t> bytes;
    vp8::BoolEncoder to{bytes};
    for (unsigned i = 0; i < 3000; ++i) to.write(i % 500 == 499, i % 500 == 499 ? 1 : 254);
    for (unsigned i = 0; i < 200; ++i) to.write(true, 255);
    to.finish();
    vp8::BoolDecoder from{bytes};
    for (unsigned i = 0; i < 3000; ++i)
        ASSERT_EQ(from.read(i % 500 == 499 ? 1 : 254), i % 500 == 499) << i;
    for (unsigned i = 0; i < 200; ++i) ASSERT_TRUE(from.read(255)) << i;
}

TEST(Vp8BoolCoder, NoticesTheEnd) {
    const std::vector<std::uint8_t> bytes{1, 2, 3};
    vp8::BoolDecoder from{bytes};
    for (unsigned i = 0; i < 16; ++i) static_cast<void>(from.flag());
    EXPECT_FALSE(from.truncated());
    for (unsigned i = 0; i < 16; ++i) static_cast<void>(from.flag());
    EXPECT_TRUE(from.truncated());
}

std::vector<std::uint8_t> ivf(const std::vector<std::vector<std::uint8_t>>& frames) {
    std::vector<std::uint8_t> bytes{'D', 'K', 'I', 'F', 0,   0, 32,  0,
                                    'V', 'P', '8', '0', 176, 0, 144, 0};
    bytes.resize(32);
    for (const auto& frame : frames) {
        for (unsigned i = 0; i < 12; ++i)
            bytes.push_back(static_cast<std::uint8_t>(i < 4 ? frame.size() >> (8 * i) : 0));
        bytes.insert(bytes.end(), frame.begin(), frame.end());
    }
    return bytes;
}

TEST(Ivf, GivesFrames) {
    const std::vector<std::vector<std::uint8_t>> frames{
        {1, 2, 3}, {}, std::vector<std::uint8_t>(300, 7)};
    const auto clip = stateless::parse_ivf(ivf(frames), "clip");
    ASSERT_TRUE(clip) << clip.error().message();
    EXPECT_EQ(clip->codec, "VP80");
    EXPECT_EQ(clip->width, 176U);
    EXPECT_EQ(clip->height, 144U);
    EXPECT_EQ(clip->frames, frames);
}

TEST(Ivf, RefusesWhatEndsTooEarly) {
    const auto whole = ivf({{1, 2, 3}, {4, 5}});
    for (std::size_t length = 0; length < whole.size(); ++length) {
        const auto clip = stateless::parse_ivf(std::span{whole}.first(length), "clip");
        // Between two frames a clip may end.
        EXPECT_EQ(clip.has_value(), length == 32 || length == 32 + 15) << length;
        if (!clip) {
            EXPECT_EQ(clip.error().code, EBADMSG);
        }
    }
    auto other = whole;
    other[0] = 'X';
    EXPECT_FALSE(stateless::parse_ivf(other, "clip"));
}

TEST(Vp8Parser, TellsWhatTheEncoderWasAskedFor) {
    const auto stream = encode_vp8({.width = 175,
                                    .height = 143,
                                    .frames = 3,
                                    .version = 1,
                                    .log2_partitions = 2,
                                    .resilient = true,
                                    .sharpness = 5});
    Vp8Parser parser;
    const auto first = parser.parse(stream[0]);
    ASSERT_TRUE(first) << first.error().message();
    EXPECT_TRUE(first->key_frame());
    EXPECT_TRUE(first->shown());
    EXPECT_EQ(first->control.width, 175);
    EXPECT_EQ(first->control.height, 143);
    EXPECT_EQ(first->control.version, 1);
    EXPECT_EQ(first->control.num_dct_parts, 4);
    EXPECT_EQ(first->control.lf.flags & V4L2_VP8_LF_FILTER_TYPE_SIMPLE,
              V4L2_VP8_LF_FILTER_TYPE_SIMPLE);
    EXPECT_EQ(first->control.entropy.y_mode_probs[0], 145);
    std::size_t bytes = 10 + first->control.first_part_size + 3 * 3;
    for (unsigned i = 0; i < 4; ++i) bytes += first->control.dct_part_sizes[i];
    EXPECT_EQ(bytes, stream[0].size());
    const auto second = parser.parse(stream[1]);
    ASSERT_TRUE(second) << second.error().message();
    EXPECT_FALSE(second->key_frame());
    EXPECT_EQ(second->control.width, 175);
    EXPECT_EQ(second->control.lf.sharpness_level, 5);
    EXPECT_EQ(second->last, Vp8Source::current);
}

/// Truncated anywhere in its header or partitions; what came before still counts afterwards.
TEST(Vp8Parser, RefusesTruncatedFrames) {
    const auto stream = encode_vp8({.frames = 2, .log2_partitions = 1});
    Vp8Parser parser;
    EXPECT_FALSE(parser.parse(stream[1])) << "a stream begins with a key frame";
    const std::size_t partition = parser.parse(stream[0]).value().control.first_part_size;
    for (std::size_t length = 0; length < 10 + partition + 3; ++length) {
        const auto frame = parser.parse(std::span{stream[0]}.first(length));
        ASSERT_FALSE(frame) << length;
        EXPECT_EQ(frame.error().code, EBADMSG);
    }
    EXPECT_TRUE(parser.parse(stream[1]));
}

TEST(Vp8Parser, SurvivesNonsense) {
    const auto stream = encode_vp8({.frames = 2});
    std::minstd_rand random{5};
    for (unsigned round = 0; round < 3000; ++round) {
        Vp8Parser parser;
        for (auto frame : stream) {
            for (unsigned i = 0; i < 3; ++i)
                frame[random() % 60] = static_cast<std::uint8_t>(random());
            static_cast<void>(parser.parse(frame));
        }
    }
}

Vp8Picture picture(Vp8Source last, Vp8Source golden, Vp8Source alternative) {
    Vp8Picture result;
    result.last = last;
    result.golden = golden;
    result.alternative = alternative;
    return result;
}

TEST(Vp8References, FollowCopiesBeforeRefreshes) {
    using enum Vp8Source;
    stateless::Vp8References references;
    v4l2_ctrl_vp8_frame control{};
    const auto now = [&] {
        references.tell(control);
        return std::vector<std::uint64_t>{control.last_frame_ts, control.golden_frame_ts,
                                          control.alt_frame_ts};
    };
    references.update(picture(current, current, current), 10);
    EXPECT_EQ(now(), (std::vector<std::uint64_t>{10, 10, 10}));
    references.update(picture(current, kept, kept), 20);
    EXPECT_EQ(now(), (std::vector<std::uint64_t>{20, 10, 10}));
    references.update(picture(kept, kept, current), 30);
    EXPECT_EQ(now(), (std::vector<std::uint64_t>{20, 10, 30}));
    // The golden frame becomes the old alternative one.
    references.update(picture(current, alternative, current), 40);
    EXPECT_EQ(now(), (std::vector<std::uint64_t>{40, 30, 40}));
    references.update(picture(current, last, golden), 50);
    EXPECT_EQ(now(), (std::vector<std::uint64_t>{50, 40, 30}));
    EXPECT_TRUE(references.holds(40));
    EXPECT_FALSE(references.holds(20));
}

}  // namespace
}  // namespace relfence::testing
