// SPDX-License-Identifier: MIT
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "h264_client.hpp"
#include "players/field_clip.hpp"

namespace relfence::board {
namespace {

template <typename T>
bool same_bytes(const T& a, const T& b) {
    return std::memcmp(&a, &b, sizeof a) == 0;
}

/// Catches controls that were written down wrong: a decoder may take them and decode something
/// else.
TEST(FieldClip, HasTheControlsThatTheParserGives) {
    const auto parsed = stateless::parse_h264(players::field_stream());
    ASSERT_TRUE(parsed) << parsed.error().message();
    const auto written = players::field_pictures();
    ASSERT_EQ(written.size(), 4U);
    ASSERT_EQ(parsed->size(), written.size());
    for (std::size_t i = 0; i < written.size(); ++i) {
        SCOPED_TRACE(i);
        EXPECT_TRUE(same_bytes(written[i].sps, (*parsed)[i].sps));
        EXPECT_TRUE(same_bytes(written[i].pps, (*parsed)[i].pps));
        EXPECT_TRUE(same_bytes(written[i].scaling, (*parsed)[i].scaling));
        EXPECT_TRUE(same_bytes(written[i].decode, (*parsed)[i].decode));
        EXPECT_EQ(written[i].slices, (*parsed)[i].slices);
        EXPECT_EQ(written[i].frame, (*parsed)[i].frame);
        EXPECT_EQ(written[i].first_field, (*parsed)[i].first_field);
        EXPECT_EQ(written[i].second_field, (*parsed)[i].second_field);
    }
}

TEST(FieldClip, IsDecodedAsLibavcodecDoes) {
    H264Hardware hardware;
    const auto stream = players::field_stream();
    H264Client client{hardware, {stream.begin(), stream.end()}};
    client.decode_all();
    EXPECT_EQ(client.compared(), 2U);
    EXPECT_THAT(client.wrong_frames(), testing::IsEmpty());
}

}  // namespace
}  // namespace relfence::board
