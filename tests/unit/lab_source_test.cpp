// SPDX-License-Identifier: MIT
// Which package of which mirror a source is fetched from, and which kernels belong to which
// version.
#include <fstream>

#include <gmock/gmock.h>

#include <relfence/lab/expectations.hpp>
#include <relfence/lab/kernel_list.hpp>
#include <relfence/lab/private_apt.hpp>
#include <relfence/lab/scratch.hpp>
#include <relfence/lab/source.hpp>
#include <relfence/lab/source_fetch.hpp>

namespace relfence::lab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(SourceFetch, TakesTheMirrorOfDebianItself) {
    // Catches the security mirror and other people's archives, which have no such package.
    EXPECT_EQ(find_mirror("https://packages.example.org/apt/||stable\n"
                          "http://mirror.example.org/debian-security/|Debian|bookworm-security\n"
                          "http://mirror.example.org/debian/|Debian|bookworm\n"),
              "http://mirror.example.org/debian/");
    EXPECT_EQ(find_mirror("https://packages.example.org/apt/|Example|stable\nno bars\n"), "");
    EXPECT_EQ(find_mirror(""), "");
}

TEST(SourceFetch, TakesTheNewestPackageOrTheReleaseAskedFor) {
    const std::string madison =
        "linux-source-7.2 |   7.2.13-1 | http://mirror.example.org sid/main amd64 Packages\n"
        "linux-source-7.2 | 7.2.1-1~bpo13+1 | http://mirror.example.org x/main amd64 Packages\n";
    EXPECT_EQ(choose_package(madison, "7.2"), "7.2.13-1");
    // Not 7.2.13, which begins alike.
    EXPECT_EQ(choose_package(madison, "7.2.1"), "7.2.1-1~bpo13+1");
    EXPECT_EQ(choose_package(madison, "7.2.2"), "");
    EXPECT_EQ(choose_package("", "7.2"), "");
}

TEST(SourceFetch, KnowsASeriesFromARelease) {
    EXPECT_EQ(series_of("7.3").value(), "7.3");
    EXPECT_EQ(series_of("6.12.117").value(), "6.12");
    for (const char* bad : {"", "7", "7.", ".7", "7..3", "7.3.4.5", "7.x", "../7.3"})
        EXPECT_FALSE(series_of(bad)) << bad;
}

class Versions : public testing::Test {
  protected:
    void SetUp() override {
        std::ofstream{scratch_.path() / "p"} << "";
        std::ofstream{scratch_.path() / "kernels.json"} << R"({"version": "6.12", "kernels": [
            {"name": "v2", "patches": ["p"], "configs": ["p"]},
            {"name": "early", "patches": ["p"], "configs": ["p"], "optional": true},
            {"name": "7.3-v2", "version": "7.3", "expect": "v2", "patches": [], "configs": []}]})";
        list_ = load_kernel_list(scratch_.path() / "kernels.json").value();
    }
    static std::vector<std::string> names(const std::vector<KernelSpec>& specs) {
        std::vector<std::string> result;
        for (const auto& spec : specs) result.push_back(spec.name);
        return result;
    }
    Scratch scratch_ = Scratch::create().value();
    KernelList list_;
};

TEST_F(Versions, OnlyTheKernelsOfTheChosenOneAreMeant) {
    // Catches that ./demo builds the kernels of the ports as well.
    EXPECT_THAT(names(list_.chosen(false)), ElementsAre("v2"));
    EXPECT_THAT(names(list_.chosen(true)), ElementsAre("v2", "early"));
    ASSERT_TRUE(list_.choose_version("7.3"));
    EXPECT_THAT(names(list_.chosen(false)), ElementsAre("7.3-v2"));
    EXPECT_EQ(list_.find("v2")->version, "6.12");
    EXPECT_EQ(list_.find("7.3-v2")->version, "7.3");
}

TEST_F(Versions, AnUnknownOneNamesThoseThereAre) {
    const auto chosen = list_.choose_version("5.4");
    ASSERT_FALSE(chosen);
    EXPECT_THAT(chosen.error().message(), HasSubstr("6.12, 7.3"));
    EXPECT_EQ(list_.version, "6.12");
}

TEST_F(Versions, APortIsExpectedToDoTheSameUnlessTheFileSaysOtherwise) {
    std::ofstream{scratch_.path() / "cases.json"} << R"({"cases": [
        {"case": "a", "expected": {"v2": {"x": "fence", "*": "none"}}, "why": {"v2": "since"}},
        {"case": "b", "expected": {"v2": {"x": "fence", "y": "fence"}, "7.3-v2": {"x": "other"}}},
        {"case": "c", "expected": {"v2": {"x": "fence"}, "7.3-v2": {"*": "other"}}}]})";
    auto expectations = load_expectations(scratch_.path() / "cases.json").value();
    expectations.inherit("7.3-v2", "v2");
    const auto text = [&](const char* name, const char* driver) {
        const Expected* found = expectations.find(CellId{name, driver}, "7.3-v2");
        return found == nullptr ? std::string{} : found->text();
    };
    EXPECT_EQ(text("a", "x"), "fence");
    EXPECT_EQ(text("a", "z"), "none");
    EXPECT_EQ(expectations.find("a")->why.at("7.3-v2"), "since");
    EXPECT_EQ(text("b", "x"), "other");
    EXPECT_EQ(text("b", "y"), "fence");
    EXPECT_EQ(text("c", "x"), "other");
}

TEST(TreeSeries, IsReadFromTheMakefile) {
    const Scratch tree = Scratch::create().value();
    EXPECT_FALSE(tree_series(tree.path()));
    std::ofstream{tree.path() / "Makefile"} << "VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\n";
    EXPECT_EQ(tree_series(tree.path()).value(), "7.3");
}

}  // namespace
}  // namespace relfence::lab
