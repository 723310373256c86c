// SPDX-License-Identifier: MIT
// What a build decides without building: keys, configuration, patches, versions, messages.
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <relfence/lab/builder.hpp>
#include <relfence/lab/cache.hpp>
#include <relfence/lab/expectations.hpp>
#include <relfence/lab/files.hpp>
#include <relfence/lab/kernel_config.hpp>
#include <relfence/lab/kernel_list.hpp>
#include <relfence/lab/patches.hpp>
#include <relfence/lab/source.hpp>

namespace relfence::lab {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class InDirectory : public testing::Test {
  protected:
    InDirectory() : scratch_{Scratch::create().value()}, root{scratch_.path() / "root"} {
        fs::create_directories(root);
    }
    void put(const std::string& name, const std::string& text) const {
        fs::create_directories((root / name).parent_path());
        std::ofstream{root / name} << text;
    }

  private:
    Scratch scratch_;

  protected:
    fs::path root;
};

using CacheKey = InDirectory;
using Patches = InDirectory;
using KernelLists = InDirectory;
using ExpectationFiles = InDirectory;
using Dependents = InDirectory;
using Locks = InDirectory;

BuildInputs inputs() {
    return {"src",
            "gcc 12",
            {{"uml.config", "1"}, {"lockdep.config", "2"}},
            {{"0004.patch", "3"}},
            "-relfence-v2"};
}

KernelSpec spec(const std::string& name, const std::vector<fs::path>& configs) {
    KernelSpec result;
    result.name = name;
    result.version = "6.12";
    result.configs = configs;
    return result;
}

TEST(BuildGroups, AreOfKernelsThatShareObjects) {
    std::vector<KernelSpec> specs{spec("baseline", {"uml", "lockdep"}), spec("cost", {"cost"}),
                                  spec("v2", {"uml", "lockdep", "kunit"}), spec("cost2", {"cost"})};
    using Groups = std::vector<std::vector<std::size_t>>;
    EXPECT_EQ(group_builds(specs), (Groups{{0, 2}, {1, 3}}));
    specs[2].version = "7.3";
    specs[3].cflags = "-O2";
    EXPECT_EQ(group_builds(specs), (Groups{{0}, {1}, {2}, {3}}));
    EXPECT_EQ(group_builds({}), Groups{});
}

// Each of these would otherwise give somebody a kernel that is not the one asked for.
TEST_F(CacheKey, ChangesWithEveryInput) {
    std::set<std::string> texts{key_text(inputs())};
    const auto with = [&](auto change) {
        BuildInputs changed = inputs();
        change(changed);
        texts.insert(key_text(changed));
    };
    with([](BuildInputs& i) { i.source = "other"; });
    with([](BuildInputs& i) { i.compiler = "gcc 13"; });
    with([](BuildInputs& i) { i.configs[1].second = "9"; });
    with([](BuildInputs& i) { std::swap(i.configs[0], i.configs[1]); });
    with([](BuildInputs& i) { i.patches[0].second = "9"; });
    with([](BuildInputs& i) { i.patches.clear(); });
    with([](BuildInputs& i) { i.patches.emplace_back("0005.patch", "4"); });
    with([](BuildInputs& i) { i.local_version = "-relfence-v1"; });
    EXPECT_EQ(texts.size(), 9U);
    EXPECT_EQ(key_text(inputs()), key_text(inputs()));
}

TEST_F(CacheKey, HashesAreSha256) {
    EXPECT_EQ(hash_text("abc").value(),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    put("a", "abc");
    put("b\nodd name", "");
    const auto hashes = hash_files({root / "a", root / "b\nodd name"});
    ASSERT_TRUE(hashes) << hashes.error().message();
    EXPECT_EQ(hashes->at(0), hash_text("abc").value());
    EXPECT_THAT(hashes->at(1), HasSubstr("e3b0c44298fc1c149afbf4c8996fb924"));
    EXPECT_FALSE(hash_files({root / "missing"}));
}

TEST_F(Locks, OneHoldsItAndTheOtherLearnsIt) {
    const auto cache = Cache::open(root).value();
    auto first = cache.try_lock("x", LockMode::exclusive);
    ASSERT_TRUE(first && first->second);
    EXPECT_FALSE(cache.try_lock("x", LockMode::shared)->second);
    EXPECT_TRUE(cache.try_lock("y", LockMode::exclusive)->second);
    first = cache.try_lock("z", LockMode::shared);  // lets go of x
    EXPECT_TRUE(cache.try_lock("x", LockMode::exclusive)->second);
    EXPECT_TRUE(cache.try_lock("z", LockMode::shared)->second);
}

// A lab that was killed leaves its directory; the next one takes it away, but not a living one's.
TEST_F(Locks, OnlyDirectoriesOfDeadLabsAreSwept) {
    const auto living = Scratch::create_in(root).value();
    put("relfence-lab.dead/lock", "");
    put("relfence-lab.dead/big", "x");
    const auto next = Scratch::create_in(root).value();
    EXPECT_TRUE(fs::exists(living.path()));
    EXPECT_TRUE(fs::exists(next.path()));
    EXPECT_FALSE(fs::exists(root / "relfence-lab.dead"));
}

constexpr const char* patch = R"(From 0 Mon Sep 17 00:00:00 2001
Subject: [PATCH] x

---
--- a/one.c
+++ b/one.c
@@ -1,3 +1,3 @@
 a
-b
+B
 c
@@ -5,2 +5,3 @@
 e
 f
+g
)";

TEST_F(Patches, ApplyAsAWholeAndNameWhatTheyTouch) {
    put("tree/one.c", "a\nb\nc\nd\ne\nf\n");
    put("p.patch", patch);
    const auto touched = apply_patch(root / "tree", root / "p.patch");
    ASSERT_TRUE(touched) << touched.error().message();
    EXPECT_EQ(*touched, (std::set<std::string>{"one.c"}));
    EXPECT_EQ(read_file(root / "tree/one.c").value(), "a\nB\nc\nd\ne\nf\ng\n");
}

TEST_F(Patches, AFailureNamesPatchFileAndHunkAndChangesNothing) {
    put("tree/one.c", "a\nb\nc\nd\nE\nF\n");
    put("p.patch", patch);
    const auto touched = apply_patch(root / "tree", root / "p.patch");
    ASSERT_FALSE(touched);
    EXPECT_THAT(touched.error().message(), HasSubstr("p.patch"));
    EXPECT_THAT(touched.error().message(), HasSubstr("one.c, hunk 2 at line 5"));
    EXPECT_EQ(read_file(root / "tree/one.c").value(), "a\nb\nc\nd\nE\nF\n");
}

// Catches a patch that changes the pristine source through a hard link.
TEST_F(Patches, LeaveHardLinksOfTheFileAlone) {
    put("pristine/one.c", "a\nb\nc\nd\ne\nf\n");
    fs::create_directories(root / "tree");
    fs::create_hard_link(root / "pristine/one.c", root / "tree/one.c");
    put("p.patch", patch);
    ASSERT_TRUE(apply_patch(root / "tree", root / "p.patch"));
    EXPECT_EQ(read_file(root / "pristine/one.c").value(), "a\nb\nc\nd\ne\nf\n");
}

// git apply skips files in silence when it finds itself in a subdirectory of a repository.
TEST_F(Patches, ApplyInsideSomebodysRepository) {
    ASSERT_TRUE(run_command({"git", "init", "-q", root.string()})->ok());
    put("tree/one.c", "a\nb\nc\nd\ne\nf\n");
    put("p.patch", patch);
    ASSERT_TRUE(apply_patch(root / "tree", root / "p.patch"));
    EXPECT_THAT(read_file(root / "tree/one.c").value(), HasSubstr("B"));
}

TEST_F(Patches, AMissingFileAndACorruptPatchAreExplained) {
    put("tree/two.c", "");
    put("p.patch", patch);
    EXPECT_THAT(apply_patch(root / "tree", root / "p.patch").error().message(),
                HasSubstr("one.c: No such file"));
    put("bad.patch", "--- a/two.c\n+++ b/two.c\n@@ -1,3 +1,3 @@\n nonsense\n");
    EXPECT_THAT(apply_patch(root / "tree", root / "bad.patch").error().message(),
                HasSubstr("bad.patch: does not apply: corrupt patch"));
}

TEST_F(Patches, AreListedByNameWithoutTheCoverLetter) {
    for (const char* name : {"v2/0005-b.patch", "v2/0004-a.patch", "v2/0000-cover-letter.patch",
                             "v2/README", "x.diff"})
        put(name, "");
    const auto list = list_patches({root / "v2", root / "x.diff"});
    ASSERT_TRUE(list);
    ASSERT_EQ(list->size(), 3U);
    EXPECT_EQ(list->at(0).filename(), "0004-a.patch");
    EXPECT_EQ(list->at(2).filename(), "x.diff");
    EXPECT_FALSE(list_patches({root / "none"}));
}

TEST(KernelConfig, ReportsWhatWasNotGranted) {
    const auto wanted = parse_config(
        "CONFIG_A=y\nCONFIG_B=n\n# CONFIG_C is not set\n# a comment\n"
        "CONFIG_D=\"x y\"\nCONFIG_A=y\n");
    EXPECT_EQ(wanted.size(), 4U);
    EXPECT_TRUE(config_mismatches(wanted, parse_config("CONFIG_A=y\nCONFIG_D=\"x y\"\n")).empty());
    const auto missing = config_mismatches(wanted, parse_config("CONFIG_C=y\nCONFIG_D=\"x y\"\n"));
    ASSERT_EQ(missing.size(), 2U);
    EXPECT_EQ(missing[0].symbol, "CONFIG_A");
    EXPECT_EQ(missing[0].got, "n");
    EXPECT_EQ(missing[1].symbol, "CONFIG_C");
}

TEST(Source, ReadsTheVersionOfAMakefile) {
    EXPECT_EQ(makefile_version("# x\nVERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 117\nNAME = x\n"),
              "6.12.117");
    EXPECT_EQ(makefile_version("all:\n"), "");
}

TEST(Build, CountsCompiledObjects) {
    EXPECT_TRUE(is_object_line("  CC      kernel/fork.o"));
    EXPECT_TRUE(is_object_line("  HOSTCC  scripts/basic/fixdep"));
    EXPECT_FALSE(is_object_line("  AR      kernel/built-in.a"));
    EXPECT_FALSE(is_object_line("make[1]: Entering directory"));
}

TEST(Build, ExplainsAFailureByItsCause) {
    EXPECT_EQ(explain_build_failure("a.c:1:2: error: no 'x'\nb.c:1: error: y\nmake: *** Error 2\n"),
              "a.c:1:2: error: no 'x'");
    EXPECT_EQ(
        explain_build_failure("a.c: error: cc\nfatal: a.o: No space left on device\nmake: x\n"),
        "fatal: a.o: No space left on device");
    EXPECT_EQ(explain_build_failure("make: *** No rule to make target 'x'.\n"),
              "make: *** No rule to make target 'x'.");
}

TEST_F(Dependents, AreCountedFromTheObjectsCommands) {
    put("build/a/.x.o.cmd", "deps := \\\n  ../include/media/vb2.h \\\n");
    put("build/a/.y.o.cmd", "deps := \\\n  ../include/media/other.h \\\n");
    put("build/a/.z.h.cmd", "  ../include/media/vb2.h \\\n");
    EXPECT_EQ(count_dependents(root / "build", {"include/media/vb2.h"}), 1U);
    EXPECT_EQ(count_dependents(root / "build", {}), 0U);
}

TEST_F(KernelLists, ReadPathsRelativeToTheFile) {
    put("kernel/configs/uml.config", "");
    put("kernel/v2/0004-a.patch", "");
    put("kernel/kernels.json", R"({"version":"6.12","kernels":[
        {"name":"v2","patches":["v2"],"configs":["configs/uml.config"],"kunit":true}]})");
    const auto list = load_kernel_list(root / "kernel/kernels.json");
    ASSERT_TRUE(list) << list.error().message();
    EXPECT_EQ(list->version, "6.12");
    EXPECT_TRUE(list->kernels.at(0).kunit);
    EXPECT_EQ(list->kernels.at(0).patches.at(0), root / "kernel" / "v2");
    EXPECT_THAT(list->find("v3").error().message(), HasSubstr("v2"));
}

TEST_F(KernelLists, HaveControlsOnlyByName) {
    put("kernels.json", R"({"version":"6.12","kernels":[
        {"name":"v2","patches":[],"configs":[]},
        {"name":"early","patches":[],"configs":[],"optional":true},
        {"name":"mutant","patches":[],"configs":[],"control":true}]})");
    const auto list = load_kernel_list(root / "kernels.json");
    ASSERT_TRUE(list) << list.error().message();
    EXPECT_EQ(list->chosen(false).size(), 1U);
    EXPECT_EQ(list->chosen(true).size(), 2U);
    EXPECT_TRUE(list->find("mutant"));
}

TEST_F(KernelLists, SayWhatIsWrong) {
    const auto message = [&](const std::string& text) {
        put("k.json", text);
        const auto list = load_kernel_list(root / "k.json");
        return list ? "accepted" : list.error().message();
    };
    EXPECT_THAT(message("{"), HasSubstr("parse error"));
    EXPECT_THAT(message(R"({"kernels":[]})"), HasSubstr("version"));
    EXPECT_THAT(
        message(R"({"version":"6.12","kernels":[{"name":"v2","patches":["gone"],"configs":[]}]})"),
        HasSubstr("gone, which does not exist"));
    EXPECT_THAT(message(R"({"version":"6.12","kernels":[{"name":"a","patches":[],"configs":[]},
                            {"name":"a","patches":[],"configs":[]}]})"),
                HasSubstr("a twice"));
}

TEST_F(ExpectationFiles, ReadTextsAndExpressions) {
    put("cases.json", R"({"cases":[{"case":"poll",
        "expected":{"v2":{"vim2m":"busy","*":"/busy.*/"}},"why":{"v2":"W"}}]})");
    EXPECT_EQ(load_expectations(root / "cases.json")->find("poll")->why.at("v2"), "W");
    const auto read = load_expectations(root / "cases.json");
    ASSERT_TRUE(read) << read.error().message();
    ASSERT_NE(read->find({"poll", "vim2m"}, "v2"), nullptr);
    EXPECT_FALSE(read->find({"poll", "vim2m"}, "v2")->matches("busy now"));
    EXPECT_TRUE(read->find({"poll", "visl"}, "v2")->matches("busy now"));
    EXPECT_EQ(read->find({"poll", "visl"}, "v1"), nullptr);
    EXPECT_EQ(read->find({"other", "visl"}, "v2"), nullptr);
}

TEST_F(ExpectationFiles, SayWhatIsWrong) {
    const auto message = [&](const std::string& text) {
        put("cases.json", text);
        const auto read = load_expectations(root / "cases.json");
        return read ? "accepted" : read.error().message();
    };
    EXPECT_THAT(message("[]"), testing::Not("accepted"));
    EXPECT_THAT(message(R"({"cases":[{"case":"poll","expected":{"v2":{"*":"/(/"}}}]})"),
                HasSubstr("no regular expression"));
    EXPECT_THAT(message(R"({"cases":[{"case":"a","expected":{}},{"case":"a","expected":{}}]})"),
                HasSubstr("a twice"));
}

}  // namespace
}  // namespace relfence::lab
