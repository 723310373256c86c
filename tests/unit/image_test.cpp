// SPDX-License-Identifier: MIT
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>
#include <unistd.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <relfence/image/compare.hpp>
#include <relfence/image/frame.hpp>
#include <relfence/image/png.hpp>
#include <relfence/image/scene.hpp>

namespace relfence::image {
namespace {

constexpr unsigned width = 640;
constexpr unsigned height = 360;

/// 64-bit FNV-1a: only there to pin the scene's pixels.
std::uint64_t fnv(const Frame& frame) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const std::uint8_t byte : frame.bytes) hash = (hash ^ byte) * 0x100000001b3;
    return hash;
}

class TemporaryFile {
  public:
    explicit TemporaryFile(const char* name)
        : path_{std::filesystem::temp_directory_path() /
                fmt::format("relfence-{}-{}", ::getpid(), name)} {}
    ~TemporaryFile() {
        std::error_code ignored;
        std::filesystem::remove(path_, ignored);
    }
    [[nodiscard]] std::string path() const { return path_.string(); }

  private:
    std::filesystem::path path_;
};

Frame scene(Layout layout, unsigned index) {
    auto frame = convert(draw_scene(width, height, index).view(), layout);
    EXPECT_TRUE(frame) << frame.error().message();
    return std::move(*frame);
}

class EveryLayout : public testing::TestWithParam<Layout> {};
INSTANTIATE_TEST_SUITE_P(Image, EveryLayout,
                         testing::Values(Layout::nv12, Layout::yuv420, Layout::xrgb8888,
                                         Layout::rgb24, Layout::rgb565));

// Catches a scene that depends on the machine, the run or what lay in memory before.
TEST(Scene, IsTheSameEveryTime) {
    for (const unsigned index : {0U, 1U, 59U})
        EXPECT_EQ(fnv(draw_scene(width, height, index)), fnv(draw_scene(width, height, index)));
    EXPECT_EQ(fnv(draw_scene(width, height, 7)), 0xcb958a7998bc9dcc);
}

// A clip in which two frames agree could not tell a stale frame from a right one.
TEST(Scene, NoTwoFramesOfAClipAgree) {
    std::set<std::uint64_t> seen;
    for (unsigned index = 0; index < 120; ++index)
        seen.insert(fnv(draw_scene(width, height, index)));
    EXPECT_EQ(seen.size(), 120U);
}

// A frame that is torn anywhere, also in its last rows, must differ from the right one.
TEST(Scene, NeighboursDifferInTheFirstAndTheLastRows) {
    const Frame a = draw_scene(width, height, 20);
    const Frame b = draw_scene(width, height, 21);
    const auto rows_differ = [&](unsigned first, unsigned last) {
        const std::size_t row = std::size_t{width} * 4;
        return !std::equal(a.bytes.begin() + static_cast<std::ptrdiff_t>(row * first),
                           a.bytes.begin() + static_cast<std::ptrdiff_t>(row * last),
                           b.bytes.begin() + static_cast<std::ptrdiff_t>(row * first));
    };
    EXPECT_TRUE(rows_differ(0, 8));
    EXPECT_TRUE(rows_differ(height - 8, height));
}

TEST_P(EveryLayout, AFrameEqualsItself) {
    const Frame frame = scene(GetParam(), 3);
    const auto difference = compare(frame.view(), frame.view());
    ASSERT_TRUE(difference) << difference.error().message();
    EXPECT_TRUE(difference->none());
    EXPECT_FALSE(difference->first_row);
}

// Catches a comparison that looks at one plane only, or at every other pixel.
TEST_P(EveryLayout, OneChangedByteIsSeenInItsRow) {
    const Frame right = scene(GetParam(), 3);
    Frame wrong = right;
    const std::size_t at = std::size_t{row_bytes(GetParam(), width)} * 100 + 8;
    wrong.bytes[at] = static_cast<std::uint8_t>(wrong.bytes[at] ^ 1);
    const auto difference = compare(right.view(), wrong.view());
    ASSERT_TRUE(difference);
    EXPECT_EQ(difference->pixels, 1U);
    EXPECT_EQ(difference->first_row, 100U);
}

TEST(Compare, ChangedChromaIsFourPixels) {
    for (const Layout layout : {Layout::nv12, Layout::yuv420}) {
        const Frame right = scene(layout, 3);
        Frame wrong = right;
        wrong.bytes.back() = static_cast<std::uint8_t>(wrong.bytes.back() ^ 1);
        const auto difference = compare(right.view(), wrong.view());
        ASSERT_TRUE(difference);
        EXPECT_EQ(difference->pixels, 4U);
        EXPECT_EQ(difference->first_row, height - 2);
    }
}

TEST(Compare, UnusedByteOfXrgbDoesNotCount) {
    const Frame right = scene(Layout::xrgb8888, 3);
    Frame other = right;
    for (std::size_t i = 3; i < other.bytes.size(); i += 4) other.bytes[i] = 0x12;
    EXPECT_TRUE(compare(right.view(), other.view())->none());
    EXPECT_TRUE(std::isinf(*psnr(right.view(), other.view())));
}

// A half-written frame: the rows of the new one on top, the old one below.
TEST_P(EveryLayout, ATornFrameIsSeen) {
    const Frame old = scene(GetParam(), 10);
    const Frame fresh = scene(GetParam(), 11);
    Frame torn = old;
    std::copy_n(fresh.bytes.begin(), row_bytes(GetParam(), width) * height / 2, torn.bytes.begin());
    const auto difference = compare(fresh.view(), torn.view());
    ASSERT_TRUE(difference);
    EXPECT_GT(difference->pixels, 0U);
}

TEST(Compare, RefusesWhatCannotBeCompared) {
    const Frame a = scene(Layout::nv12, 0);
    const Frame b = scene(Layout::yuv420, 0);
    EXPECT_FALSE(compare(a.view(), b.view()));
    FrameView cut = a.view();
    cut.bytes = cut.bytes.first(100);
    EXPECT_FALSE(compare(a.view(), cut));
    EXPECT_FALSE(psnr(a.view(), cut));
    EXPECT_FALSE(convert(cut, Layout::rgb24));
}

TEST(Psnr, OneLevelEverywhereIs48Decibel) {
    Frame a = Frame::zeros(Layout::yuv420, 64, 64);
    Frame b = a;
    for (auto& byte : b.bytes) byte = 1;
    EXPECT_TRUE(std::isinf(*psnr(a.view(), a.view())));
    EXPECT_NEAR(*psnr(a.view(), b.view()), 20 * std::log10(255.0), 1e-9);
}

// The bound that tells a decoded scene from another frame of it must have room on both sides.
TEST(Psnr, AnotherFrameOfTheSceneIsFarOff) {
    EXPECT_LT(*psnr(scene(Layout::nv12, 20).view(), scene(Layout::nv12, 21).view()), 25);
    EXPECT_LT(
        *psnr(scene(Layout::nv12, 20).view(), Frame::zeros(Layout::nv12, width, height).view()),
        10);
}

TEST(Convert, ThereAndBackKeepsThePicture) {
    const Frame start = draw_scene(width, height, 5);
    for (const Layout layout : {Layout::rgb24, Layout::nv12, Layout::yuv420, Layout::rgb565}) {
        const auto there = convert(start.view(), layout);
        ASSERT_TRUE(there);
        EXPECT_EQ(there->bytes.size(), frame_size(layout, width, height));
        const auto back = convert(there->view(), Layout::xrgb8888);
        ASSERT_TRUE(back);
        // Chroma is halved at the edges of the bars: good but not exact. RGB is exact.
        EXPECT_GT(*psnr(start.view(), back->view()), layout == Layout::rgb24 ? 1000 : 28);
    }
}

// Zeros must come out green: it is how a never-written frame is recognised in a picture.
TEST(Convert, ZerosAreGreenInYuv) {
    const auto rgb = convert(Frame::zeros(Layout::nv12, 16, 16).view(), Layout::rgb24);
    ASSERT_TRUE(rgb);
    EXPECT_EQ(rgb->bytes[0], 0);
    EXPECT_GT(rgb->bytes[1], 100);
    EXPECT_EQ(rgb->bytes[2], 0);
}

TEST(Convert, RefusesOddSizesOfHalvedLayouts) {
    const Frame odd = Frame::zeros(Layout::rgb24, 15, 16);
    EXPECT_FALSE(convert(odd.view(), Layout::nv12));
    EXPECT_TRUE(convert(odd.view(), Layout::xrgb8888));
}

TEST(Png, RoundTripIsExact) {
    const TemporaryFile file{"round.png"};
    const Frame rgb = scene(Layout::rgb24, 42);
    ASSERT_TRUE(write_png(file.path(), rgb.view()));
    const auto back = read_png(file.path());
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(back->width, width);
    EXPECT_EQ(back->height, height);
    EXPECT_TRUE(compare(rgb.view(), back->view())->none());
}

TEST(Png, SideBySideKeepsBothPictures) {
    const Frame a = scene(Layout::rgb24, 1);
    const Frame b = scene(Layout::rgb24, 2);
    const auto both = side_by_side(a.view(), b.view());
    ASSERT_TRUE(both);
    EXPECT_EQ(both->width, 2 * width + 8);
    const std::size_t row = std::size_t{both->width} * 3 * 17;
    const std::size_t in = std::size_t{width} * 3 * 17;
    EXPECT_TRUE(
        std::equal(&both->bytes[row], &both->bytes[row] + std::size_t{width} * 3, &a.bytes[in]));
    EXPECT_TRUE(std::equal(&both->bytes[row + std::size_t{width + 8} * 3],
                           &both->bytes[row + std::size_t{width + 8} * 3] + std::size_t{width} * 3,
                           &b.bytes[in]));
    EXPECT_FALSE(side_by_side(a.view(), Frame::zeros(Layout::rgb24, 8, 8).view()));
}

TEST(Png, SaysWhyItFailed) {
    const auto written = write_png("/does/not/exist.png", scene(Layout::rgb24, 0).view());
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().subject, "/does/not/exist.png");
    const TemporaryFile file{"broken.png"};
    std::ofstream{file.path()} << "not a picture";
    EXPECT_FALSE(read_png(file.path()));
    EXPECT_FALSE(read_png("/does/not/exist.png"));
}

}  // namespace
}  // namespace relfence::image
