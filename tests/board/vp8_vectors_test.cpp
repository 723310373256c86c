// SPDX-License-Identifier: MIT
// The public VP8 test vectors through parser, driver and engine, where they are beside the project.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "stateless/ivf.hpp"
#include "vp8_player.hpp"

namespace relfence::testing {
namespace {

std::vector<std::string> vectors() {
    std::vector<std::string> names;
    if (!std::filesystem::exists(RELFENCE_VECTORS)) return names;
    for (const auto& entry : std::filesystem::directory_iterator{RELFENCE_VECTORS})
        if (entry.path().extension() == ".ivf") names.push_back(entry.path().stem());
    std::ranges::sort(names);
    return names;
}

class Vp8Vectors : public ::testing::TestWithParam<std::string> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Vp8Vectors);

/// Any error anywhere: a probability, a vector, a reference, a filter level, a byte order.
TEST_P(Vp8Vectors, HaveTheirMd5s) {
    const std::string path = fmt::format("{}/{}.ivf", RELFENCE_VECTORS, GetParam());
    const auto clip = stateless::read_ivf(path);
    ASSERT_TRUE(clip) << clip.error().message();
    board::vpu::Vp8Decoder engine;
    Vp8Player player{engine};
    std::vector<std::string> seen;
    std::vector<std::uint8_t> all;
    for (std::size_t i = 0; i < clip->frames.size(); ++i) {
        const auto picture = player.play(clip->frames[i]);
        ASSERT_TRUE(picture) << "frame " << i << ": " << picture.error().message();
        if (!*picture) continue;
        seen.push_back(md5(**picture));
        all.insert(all.end(), (*picture)->begin(), (*picture)->end());
    }

    std::vector<std::string> expected;
    std::ifstream file{path + ".md5"};
    for (std::string line; std::getline(file, line);)
        expected.push_back(line.substr(0, line.find(' ')));
    ASSERT_FALSE(expected.empty());
    if (expected.size() == 1)
        EXPECT_EQ(md5(all), expected[0]);
    else
        EXPECT_EQ(seen, expected);
    RecordProperty("frames", static_cast<int>(seen.size()));
}

INSTANTIATE_TEST_SUITE_P(All, Vp8Vectors, ::testing::ValuesIn(vectors()), [](const auto& vector) {
    std::string name = vector.param;
    std::ranges::replace(name, '-', '_');
    return name;
});

}  // namespace
}  // namespace relfence::testing
