// SPDX-License-Identifier: MIT
// The VP8 engine against libvpx alone, on streams made on the spot.
#include <algorithm>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "board/vpu/vp8_fields.hpp"
#include "board/vpu/vp8_job.hpp"
#include "vp8_player.hpp"
#include "vp8_streams.hpp"

namespace relfence::testing {
namespace {

namespace fields = board::vpu::vp8_fields;

/// What a stream is made of, to be sure that it has what a test is about.
struct Contents {
    unsigned key_frames = 0, hidden = 0, segmented = 0, kept_maps = 0, partitions = 0, biased = 0,
             versions = 0;
};

Contents look_at(const Vp8Stream& stream) {
    Contents contents;
    stateless::Vp8Parser parser;
    for (const auto& frame : stream) {
        const auto picture = parser.parse(frame).value();
        const v4l2_ctrl_vp8_frame& control = picture.control;
        if (picture.key_frame()) ++contents.key_frames;
        if (!picture.shown()) ++contents.hidden;
        const bool segments = (control.segment.flags & V4L2_VP8_SEGMENT_FLAG_ENABLED) != 0;
        if (segments) ++contents.segmented;
        if (segments && (control.segment.flags & V4L2_VP8_SEGMENT_FLAG_UPDATE_MAP) == 0)
            ++contents.kept_maps;
        contents.partitions = std::max<unsigned>(contents.partitions, control.num_dct_parts);
        if ((control.flags & V4L2_VP8_FRAME_FLAG_SIGN_BIAS_ALT) != 0) ++contents.biased;
        contents.versions |= 1U << control.version;
    }
    return contents;
}

/// All shown pictures of a stream through an engine, or the first error.
Result<Vp8Stream> play_all(const Vp8Stream& stream, Vp8Player& player) {
    Vp8Stream shown;
    for (const auto& frame : stream) {
        auto picture = player.play(frame);
        if (!picture) return tl::make_unexpected(picture.error());
        if (*picture) shown.push_back(std::move(**picture));
    }
    return shown;
}

void expect_same(const Vp8Stream& seen, const Vp8Stream& expected) {
    ASSERT_EQ(seen.size(), expected.size());
    for (std::size_t i = 0; i < seen.size(); ++i)
        ASSERT_TRUE(seen[i] == expected[i]) << "picture " << i;
}

void expect_as_libvpx(const Vp8Stream& stream) {
    board::vpu::Vp8Decoder engine;
    Vp8Player player{engine};
    const auto shown = play_all(stream, player);
    ASSERT_TRUE(shown) << shown.error().message();
    expect_same(*shown, play_with_libvpx(stream));
}

TEST(Vp8Decoder, DecodesOrdinaryStreams) {
    expect_as_libvpx(encode_vp8({}));
}

/// Partition bounds come from addresses, start bits and one length.
TEST(Vp8Decoder, TakesUpToEightPartitions) {
    for (const unsigned log2 : {1U, 2U, 3U}) {
        const auto stream = encode_vp8({.frames = 12, .kilobits = 900, .log2_partitions = log2});
        EXPECT_EQ(look_at(stream).partitions, 1U << log2);
        expect_as_libvpx(stream);
    }
}

/// The hardware writes whole macroblocks, and predicts from what lies beyond the picture.
TEST(Vp8Decoder, TakesOddSizes) {
    for (const auto& [width, height] : {std::pair{175U, 143U}, {49U, 65U}, {161U, 97U}, {64U, 48U}})
        expect_as_libvpx(encode_vp8({.width = width, .height = height, .frames = 25}));
}

/// A hidden frame is decoded all the same, and vectors to it have another sign.
TEST(Vp8Decoder, TakesAlternativeFrames) {
    const auto stream = encode_vp8(
        {.width = 320, .height = 176, .frames = 60, .kilobits = 600, .alternative = true});
    EXPECT_GT(look_at(stream).hidden, 0U);
    EXPECT_GT(look_at(stream).biased, 0U);
    expect_as_libvpx(stream);
}

/// Frames that keep no probabilities.
TEST(Vp8Decoder, TakesErrorResilientStreams) {
    expect_as_libvpx(encode_vp8({.log2_partitions = 2, .resilient = true}));
}

/// A map that a frame does not repeat is in memory, where the frame before put it.
TEST(Vp8Decoder, KeepsTheSegmentMapInMemory) {
    const auto stream = encode_vp8({.width = 190, .height = 150, .frames = 40, .segments = true});
    EXPECT_GT(look_at(stream).segmented, 20U);
    EXPECT_GT(look_at(stream).kept_maps, 10U);
    expect_as_libvpx(stream);
}

/// Six taps, bilinear, full pixels; normal and simple loop filter.
TEST(Vp8Decoder, TakesAllVersions) {
    for (const unsigned version : {1U, 2U, 3U}) {
        const auto stream =
            encode_vp8({.frames = 25, .version = version, .sharpness = version * 2});
        EXPECT_EQ(look_at(stream).versions, 1U << version);
        expect_as_libvpx(stream);
    }
}

TEST(Vp8Decoder, TakesAnotherSizeInMidStream) {
    const auto stream = encode_vp8({.width = 240, .height = 160, .frames = 30, .shrink_at = 14});
    EXPECT_GE(look_at(stream).key_frames, 2U);
    expect_as_libvpx(stream);
}

/// Nothing is carried from a job to the next: neither between streams of one size nor of two, with
/// and without segments. A probability, a map or a reference that leaked would show at once.
TEST(Vp8Decoder, AlternatesBetweenStreams) {
    const std::vector<Vp8Stream> streams{
        encode_vp8({.frames = 24, .alternative = true}),
        encode_vp8({.frames = 24, .segments = true}),
        encode_vp8({.frames = 24, .version = 1, .sharpness = 5}),
        encode_vp8({.width = 100, .height = 60, .frames = 24, .log2_partitions = 1}),
    };
    board::vpu::Vp8Decoder engine;
    std::vector<Vp8Player> players(streams.size(), Vp8Player{engine});
    std::vector<Vp8Stream> shown(streams.size());
    for (std::size_t frame = 0; frame < 24; ++frame)
        for (std::size_t i = 0; i < streams.size(); ++i) {
            if (frame >= streams[i].size()) continue;
            auto picture = players[i].play(streams[i][frame]);
            ASSERT_TRUE(picture) << picture.error().message();
            if (*picture) shown[i].push_back(std::move(**picture));
        }
    for (std::size_t i = 0; i < streams.size(); ++i) {
        auto expected = play_with_libvpx(streams[i]);
        expected.resize(shown[i].size());
        expect_same(shown[i], expected);
    }
}

/// A job needs nothing but registers and memory: an engine that has never seen the stream does it.
TEST(Vp8Decoder, NeedsNoJobBefore) {
    const auto stream = encode_vp8({.frames = 15, .segments = true});
    const auto expected = play_with_libvpx(stream);
    board::vpu::Vp8Decoder engine;
    Vp8Player player{engine};
    for (std::size_t i = 0; i < stream.size(); ++i) {
        engine = board::vpu::Vp8Decoder{};
        const auto picture = player.play(stream[i]);
        ASSERT_TRUE(picture) << picture.error().message();
        ASSERT_TRUE(**picture == expected[i]) << "picture " << i;
    }
}

/// The order in which a consumer that does not wait sees the picture grow.
TEST(Vp8Decoder, WritesRowsFromTopToBottom) {
    const auto stream = encode_vp8({.width = 80, .height = 64, .frames = 1});
    board::vpu::Vp8Decoder engine;
    Vp8Player player{engine};
    std::vector<std::uint64_t> starts;
    std::vector<std::size_t> lengths;
    player.tamper_with(
        [&](regs::RegisterBank& registers, PlainMemory& memory, const Vp8Buffers& buffers) {
            board::vpu::Vp8Decoder another;
            const auto writes = another.decode(registers, memory).value();
            for (const auto& write : writes) {
                starts.push_back(write.address - buffers.output);
                lengths.push_back(write.bytes.size());
            }
        });
    ASSERT_TRUE(player.play(stream[0]));
    std::vector<std::uint64_t> wanted_starts;
    std::vector<std::size_t> wanted_lengths;
    for (std::uint64_t row = 0; row < 4; ++row) {
        for (std::uint64_t line = 0; line < 16; ++line) {
            wanted_starts.push_back((row * 16 + line) * 80);
            wanted_lengths.push_back(80);
        }
        wanted_starts.push_back(5120 + row * 640);
        wanted_lengths.push_back(640);
    }
    EXPECT_EQ(starts, wanted_starts);
    EXPECT_EQ(lengths, wanted_lengths);
}

/// Plays a stream whose 6th frame is broken. @return what that frame ended with
Result<std::optional<std::vector<std::uint8_t>>> play_broken(Vp8Player::Tamper tamper,
                                                             const Vp8Wish& wish = {.frames = 7}) {
    const auto stream = encode_vp8(wish);
    board::vpu::Vp8Decoder engine;
    Vp8Player player{engine};
    for (std::size_t i = 0; i < 5; ++i)
        if (const auto picture = player.play(stream[i]); !picture) return picture;
    player.tamper_with(std::move(tamper));
    auto broken = player.play(stream[5]);
    // Negative control of all that follows, and: an error leaves nothing behind.
    player.tamper_with({});
    if (!broken) {
        EXPECT_TRUE(player.play(stream[6]));
    }
    return broken;
}

int code_of(const Result<std::optional<std::vector<std::uint8_t>>>& result) {
    return result ? 0 : result.error().code;
}

TEST(Vp8Decoder, EndsWithABusErrorWhereThereIsNoMemory) {
    const std::vector<std::pair<const char*, regs::Field>> addresses{
        {"output", fields::dec_out_base},
        {"probabilities", fields::qtable_base},
        {"modes", fields::mb_stream_base},
        {"coefficients", fields::dct_base[0]},
        {"last frame", fields::refer_base[0]}};
    for (const auto& [name, field] : addresses) {
        const auto result = play_broken([&](regs::RegisterBank& registers, PlainMemory&,
                                            const Vp8Buffers&) { registers.put(field, 0x1000); });
        EXPECT_EQ(code_of(result), EFAULT) << name;
    }
    const auto result =
        play_broken([](regs::RegisterBank& registers, PlainMemory&, const Vp8Buffers&) {
            registers.put(fields::segment_e, 1);
            registers.put(fields::segment_base, 0x1000 >> 2U);
        });
    EXPECT_EQ(code_of(result), EFAULT) << "segment map";
}

TEST(Vp8Decoder, EndsWithAStreamErrorWhenPartitionsAreTruncated) {
    EXPECT_EQ(
        code_of(play_broken([](regs::RegisterBank& registers, PlainMemory&, const Vp8Buffers&) {
            registers.put(fields::mb_stream_len, 12);
        })),
        EBADMSG);
    EXPECT_EQ(
        code_of(play_broken([](regs::RegisterBank& registers, PlainMemory&, const Vp8Buffers&) {
            registers.put(fields::stream_len, registers.get(fields::stream_len) / 2);
        })),
        EBADMSG);
    EXPECT_EQ(code_of(play_broken([](regs::RegisterBank&, PlainMemory&, const Vp8Buffers&) {})), 0);
}

TEST(Vp8Decoder, EndsWithAStreamErrorForWhatNoFrameHas) {
    const std::vector<std::pair<regs::Field, std::uint32_t>> values{
        {fields::pic_mb_width, 0},    {fields::quant[0], 128},     {fields::quant_delta[0], 0x10},
        {fields::mb_adj[0], 0x40},    {fields::coeffs_part_am, 2}, {fields::boolean_range, 100},
        {fields::boolean_value, 255}, {fields::fraction_e, 0},     {fields::taps[3].inner[1], 7}};
    for (const auto& [field, value] : values) {
        const auto result =
            play_broken([&, f = field, v = value](regs::RegisterBank& registers, PlainMemory&,
                                                  const Vp8Buffers&) { registers.put(f, v); });
        EXPECT_EQ(code_of(result), EBADMSG) << field.name;
    }
}

/// Negative control of every comparison above: whatever the engine is given matters. A field that
/// changed nothing would be a side channel from somewhere else, or not looked at.
TEST(Vp8Decoder, DependsOnAllItIsGiven) {
    const Vp8Wish wish{.frames = 7, .sharpness = 3};
    const auto expected = play_with_libvpx(encode_vp8(wish))[5];
    const auto changes = [&](const Vp8Player::Tamper& tamper) {
        const auto result = play_broken(tamper, wish);
        return !result || **result != expected;
    };
    EXPECT_FALSE(changes([](regs::RegisterBank&, PlainMemory&, const Vp8Buffers&) {}));
    const std::vector<std::pair<regs::Field, std::uint32_t>> flips{
        {fields::pic_inter_e, 1},      {fields::skip_mode, 1},       {fields::filtering_dis, 1},
        {fields::bilin_mc_e, 1},       {fields::filt_type, 1},       {fields::filt_sharpness, 7},
        {fields::lf_level[0], 0x20},   {fields::ref_adj[1], 0x18},   {fields::quant[0], 0x11},
        {fields::quant_delta[0], 5},   {fields::quant_delta[1], 5},  {fields::quant_delta[2], 5},
        {fields::quant_delta[3], 5},   {fields::quant_delta[4], 5},  {fields::mb_start_bit, 1},
        {fields::boolean_value, 0x40}, {fields::dct_start_bit[0], 8}};
    for (const auto& [field, bits] : flips)
        EXPECT_TRUE(changes([&, f = field, b = bits](regs::RegisterBank& registers, PlainMemory&,
                                                     const Vp8Buffers&) {
            registers.put(f, registers.get(f) ^ b);
        })) << field.name;
    // Skip flag, intra flag, modes, vectors, the first and the last nodes of coefficients.
    const std::vector<std::pair<std::size_t, std::size_t>> tables{{0, 1},   {1, 1},    {8, 7},
                                                                  {16, 39}, {56, 384}, {440, 768}};
    for (const auto& [at, length] : tables)
        EXPECT_TRUE(changes([&, first = at, count = length](regs::RegisterBank&,
                                                            PlainMemory& memory,
                                                            const Vp8Buffers& buffers) {
            for (auto& byte : memory.at(buffers.probabilities + first, count))
                byte ^= std::byte{0x55};
        })) << "probabilities at "
            << at;
    EXPECT_TRUE(changes([&](regs::RegisterBank&, PlainMemory& memory, const Vp8Buffers& buffers) {
        for (auto& byte : memory.at(buffers.last, 176 * 144)) byte ^= std::byte{0x10};
    })) << "last frame";
    EXPECT_TRUE(changes([&](regs::RegisterBank&, PlainMemory& memory, const Vp8Buffers& buffers) {
        for (auto& byte : memory.at(buffers.last + 176 * 144, 176 * 72)) byte ^= std::byte{0x10};
    })) << "chroma of the last frame";
}

/// Whatever a driver or a client writes: an error or a picture, never a crash. For the sanitizers.
TEST(Vp8Decoder, SurvivesNonsense) {
    const auto stream =
        encode_vp8({.frames = 10, .kilobits = 700, .log2_partitions = 2, .segments = true});
    std::minstd_rand random{7};
    unsigned errors = 0, pictures = 0;
    for (unsigned round = 0; round < 300; ++round) {
        board::vpu::Vp8Decoder engine;
        Vp8Player player{engine};
        player.tamper_with([&](regs::RegisterBank& registers, PlainMemory& memory,
                               const Vp8Buffers& buffers) {
            if (random() % 3 == 0) {
                const auto all = fields::all();
                const regs::Field& field = all[random() % all.size()];
                registers.put(field, static_cast<std::uint32_t>(registers.get(field) ^
                                                                (1U << random() % field.width)));
            }
            for (unsigned i = random() % 4; i > 0; --i)
                memory.at(buffers.stream + random() % 3000, 1)[0] =
                    static_cast<std::byte>(random());
            if (random() % 4 == 0)
                memory.at(buffers.probabilities + random() % vp8_probability_bytes, 1)[0] =
                    static_cast<std::byte>(random());
        });
        for (std::size_t i = 0; i < 4; ++i) ++(player.play(stream[i]) ? pictures : errors);
    }
    EXPECT_GT(errors, 0U);
    EXPECT_GT(pictures, 0U);
}

}  // namespace
}  // namespace relfence::testing
