// SPDX-License-Identifier: MIT
// build and the cache, on a source tree that looks like a kernel's to the lab and "compiles" in no
// time: what is rebuilt, what is kept, and what is left after each kind of failure.
#include <csignal>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "lab_fixture.hpp"

namespace relfence::lab {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
namespace fs = std::filesystem;

constexpr const char* makefile = R"(VERSION = 6
PATCHLEVEL = 12
SUBLEVEL = 7
.PHONY: mrproper linux
mrproper:
	@true
linux: build/linux
build/linux: build/one.o build/two.o build/three.o
	@cat $^ >$@
	@chmod +x $@
	@echo map >build/System.map
	@mkdir -p build/include/config
	@echo 6.12.7$(LOCALVERSION) >build/include/config/kernel.release
build/%.o: %.c
	@echo "  CC      $*.o"
	@sh ./compile $< $@
)";

// A line "wait" in a source makes its compilation last, a line "error" makes it fail, and a line
// "late error" once another waits.
constexpr const char* compiler =
    R"(if grep -q '^late' "$1"; then until [ -e "$RELFENCE_TEST_READY" ]; do sleep 0.01; done; fi
if grep -q 'error' "$1"; then echo "$1:1: error: bad" >&2; exit 1; fi
if grep -q '^wait' "$1"; then echo >"$RELFENCE_TEST_READY"; exec sleep "$RELFENCE_TEST_TOKEN"; fi
cat "$1" >"$2"
)";

constexpr const char* merge_config = R"(#!/bin/sh
shift 3
cat "$@" >build/.config
grep -q OUT_OF_REACH build/.config && sed -i /OUT_OF_REACH/d build/.config
exit 0
)";

std::string patch_of(const std::string& file, const std::string& line) {
    return "--- a/" + file + "\n+++ b/" + file + "\n@@ -1 +1,2 @@\n base\n+" + line + "\n";
}

class Build : public LabTest {
  protected:
    Build() {
        ::setenv("RELFENCE_TEST_READY", (root / "ready").c_str(), 1);
        ::setenv("RELFENCE_TEST_TOKEN", token.c_str(), 1);
        put("tree/Makefile", makefile);
        put("tree/Kconfig", "");
        put("tree/compile", compiler);
        put("tree/scripts/kconfig/merge_config.sh", merge_config);
        fs::permissions(root / "tree/scripts/kconfig/merge_config.sh", fs::perms::owner_all);
        for (const char* name : {"one", "two", "three"})
            put(std::string{"tree/"} + name + ".c", "base\n");
        put("project/kernel/configs/a.config", "CONFIG_A=y\n");
        put("project/kernel/configs/b.config", "CONFIG_B=y\n");
        put("project/kernel/v1/0001-one.patch", patch_of("one.c", "v1"));
        put("project/kernel/v2/0001-two.patch", patch_of("two.c", "v2"));
        put("project/kernel/kernels.json", R"({"version": "6.12", "kernels": [
            {"name": "baseline", "patches": [], "configs": ["configs/a.config"]},
            {"name": "v1", "patches": ["v1"], "configs": ["configs/a.config"]},
            {"name": "v2", "patches": ["v2"], "configs": ["configs/a.config"]},
            {"name": "other", "patches": ["v2"], "configs": ["configs/b.config"], "optional": true},
            {"name": "rare", "patches": [], "configs": ["configs/a.config"], "optional": true}]})");
    }
    [[nodiscard]] std::vector<std::string> command(std::vector<std::string> more) const {
        more.insert(more.begin(), {"build", "--project", "project", "--tree", "tree"});
        return more;
    }
    [[nodiscard]] CommandResult build(const std::vector<std::string>& more = {}) const {
        return lab(command(more));
    }
    /// The built binary: the sources' text, so that it says what it was made from.
    [[nodiscard]] std::string binary(const std::string& name) const {
        const auto where = build({"--where", name});
        EXPECT_EQ(exit_code(where), 0) << where.error;
        return read_file(where.output.substr(0, where.output.find('\n')) + "/linux").value_or("");
    }
    void expect_nothing_left() const {
        EXPECT_THAT(list("cache/relfence/work"), IsEmpty());
        EXPECT_THAT(list("cache/relfence/kernels"), IsEmpty());
    }

    const std::string token = "86401." + std::to_string(::getpid());
};

TEST_F(Build, LaterKernelsCompileOnlyWhatTheirPatchesTouch) {
    const auto result = build();
    ASSERT_EQ(exit_code(result), 0) << result.error;
    EXPECT_THAT(result.output, HasSubstr("baseline: 6.12.7-relfence-baseline"));
    EXPECT_THAT(result.output, HasSubstr(" 3 objects\n"));
    EXPECT_THAT(result.output, HasSubstr(" 1 objects on top of baseline\n"));
    EXPECT_THAT(result.output, Not(HasSubstr("rare")));
    EXPECT_EQ(binary("baseline"), "base\nbase\nbase\n");
    EXPECT_EQ(binary("v1"), "base\nv1\nbase\nbase\n");
    EXPECT_EQ(binary("v2"), "base\nbase\nv2\nbase\n");
    EXPECT_EQ(get("tree/one.c"), "base\n") << "one's own tree is never written";
    EXPECT_FALSE(fs::exists(root / "tree/build"));
}

// Catches objects of a patched file that are taken for those of the pristine one: the pristine file
// is older than they are.
TEST_F(Build, AKernelWithoutThePatchesOfItsDonorIsRight) {
    ASSERT_EQ(exit_code(build({"v1"})), 0);
    EXPECT_EQ(binary("v2"), "base\nbase\nv2\nbase\n");
    EXPECT_EQ(binary("baseline"), "base\nbase\nbase\n");
}

TEST_F(Build, ASecondBuildFindsItInTheCacheAndAnyChangeDoesNot) {
    ASSERT_EQ(exit_code(build({"v1"})), 0);
    EXPECT_THAT(build({"v1"}).output, HasSubstr("cached"));
    put("project/kernel/v1/0001-one.patch", patch_of("one.c", "changed"));
    EXPECT_THAT(build({"v1"}).output, Not(HasSubstr("cached")));
    EXPECT_EQ(binary("v1"), "base\nchanged\nbase\nbase\n");
    put("project/kernel/configs/a.config", "CONFIG_B=y\n");
    EXPECT_THAT(build({"v1"}).output, Not(HasSubstr("cached")));
    put("tree/three.c", "other\n");
    EXPECT_EQ(binary("v1"), "base\nchanged\nbase\nother\n");
}

TEST_F(Build, APatchThatDoesNotApplyIsNamedWithFileAndHunk) {
    put("project/kernel/v1/0001-one.patch",
        "--- a/one.c\n+++ b/one.c\n@@ -1 +1,2 @@\n other\n+v1\n");
    const auto result = build({"v1"});
    EXPECT_EQ(exit_code(result), 2);
    EXPECT_THAT(result.error, HasSubstr("0001-one.patch: does not apply: one.c, hunk 1 at line 1"));
    expect_nothing_left();
}

TEST_F(Build, ASymbolOutOfReachIsNamed) {
    put("project/kernel/configs/a.config", "CONFIG_A=y\nCONFIG_OUT_OF_REACH=y\n");
    const auto result = build({"v1"});
    EXPECT_EQ(exit_code(result), 2);
    EXPECT_THAT(result.error, HasSubstr("CONFIG_OUT_OF_REACH is n, not y"));
    expect_nothing_left();
}

TEST_F(Build, ACompilerErrorIsNamedAndLeavesNothing) {
    put("project/kernel/v1/0001-one.patch", patch_of("one.c", "error"));
    const auto result = build({"v1"});
    EXPECT_EQ(exit_code(result), 2);
    EXPECT_THAT(result.error, HasSubstr("one.c:1: error: bad"));
    expect_nothing_left();
}

// The first fails only once the second is being built, and that would last for a day.
TEST_F(Build, KernelsThatShareNothingAreBuiltAtOnceAndAFailureStopsTheOther) {
    put("project/kernel/v1/0001-one.patch", patch_of("one.c", "late error"));
    put("project/kernel/v2/0001-two.patch", patch_of("two.c", "wait"));
    const auto result = build({"v1", "other"});
    EXPECT_EQ(exit_code(result), 2);
    EXPECT_THAT(result.error, HasSubstr("v1: does not build: one.c:1: error: bad"));
    EXPECT_TRUE(eventually([&] { return !is_running(token); })) << "no compiler is left";
    expect_nothing_left();
}

TEST_F(Build, PlacesAreToldInTheOrderOfTheNames) {
    const auto there = build({"--where", "other", "v1", "baseline"});
    ASSERT_EQ(exit_code(there), 0) << there.error;
    EXPECT_EQ(build({"--where", "other", "v1", "baseline"}).output, there.output);
    EXPECT_EQ(build({"--where", "other"}).output + build({"--where", "v1"}).output +
                  build({"--where", "baseline"}).output,
              there.output);
}

TEST_F(Build, TreesThatAreNoneOrOfAnotherVersionAreRefused) {
    put("tree/Makefile", "VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 9\n");
    EXPECT_THAT(build().error, HasSubstr("is Linux 6.1.9, and the patches are for 6.12.y"));
    EXPECT_THAT(lab({"build", "--project", "project", "--tree", "tmp"}).error,
                HasSubstr("not a kernel source tree"));
    EXPECT_THAT(lab({"build", "--project", "project", "--tree", "none"}).error,
                HasSubstr("apt install linux-source-6.12"));
    EXPECT_EQ(exit_code(build()), 2);
}

TEST_F(Build, ASourceThatCannotBeFetchedIsNamedWithItsPackage) {
    put("bin/apt-get", "#!/bin/sh\necho 'E: out of reach' >&2\nexit 100\n");
    fs::permissions(root / "bin/apt-get", fs::perms::owner_all);
    put("project/kernel/kernels.json", R"({"version": "6.99", "kernels": [
        {"name": "baseline", "patches": [], "configs": ["configs/a.config"]}]})");
    CommandOptions options;
    options.spawn = spawn_options();
    options.spawn.extra["PATH"] = (root / "bin").string() + ":" + std::getenv("PATH");
    const auto result =
        run_command({RELFENCE_LAB, "build", "--project", "project"}, options).value();
    EXPECT_EQ(exit_code(result), 2);
    EXPECT_THAT(result.error, HasSubstr("apt install linux-source-6.99, or name a tree"));
    expect_nothing_left();
}

TEST_F(Build, AMissingToolIsNamedWithItsPackage) {
    fs::create_directories(root / "bin");
    for (const char* name : {"sh", "make", "gcc", "ld", "bison", "perl", "tar", "xz", "git", "cp",
                             "bwrap", "find", "sha256sum", "bc"})
        fs::create_symlink(find_program(name).value(), root / "bin" / name);
    CommandOptions options;
    options.spawn = spawn_options();
    options.spawn.extra["PATH"] = (root / "bin").string();
    auto arguments = command({"v1"});
    arguments.insert(arguments.begin(), RELFENCE_LAB);
    const auto result = run_command(arguments, options).value();
    EXPECT_EQ(exit_code(result), 2);
    EXPECT_THAT(result.error, HasSubstr("flex: not installed (apt install flex)"));
}

// A limit on the size of files stands for a disk that is full: the write fails in the same place.
TEST_F(Build, AFullDiskLeavesNothingHalfWritten) {
    put("tree/three.c", std::string(300'000, 'x') + "\n");
    CommandOptions options;
    options.spawn = spawn_options();
    options.spawn.file_size_limit = 500'000;  // enough for each part, not for linux
    put("tree/two.c", std::string(300'000, 'y') + "\n");
    auto arguments = command({"baseline"});
    arguments.insert(arguments.begin(), RELFENCE_LAB);
    const auto full = run_command(arguments, options).value();
    EXPECT_EQ(exit_code(full), 2) << full.error;
    expect_nothing_left();
    EXPECT_EQ(exit_code(build({"baseline"})), 0)
        << "and with room it goes on as if nothing had been";
}

class InterruptedBuild : public Build, public testing::WithParamInterface<int> {};

TEST_P(InterruptedBuild, NeverCountsAsDone) {
    put("project/kernel/v1/0001-one.patch", patch_of("one.c", "wait"));
    auto child = start_lab(command({"v1"}));
    ASSERT_TRUE(eventually([&] { return fs::exists(root / "ready"); }));
    ASSERT_TRUE(eventually([&] { return is_running(token); }));
    child.kill(GetParam());
    const int status = child.wait();
    EXPECT_TRUE(eventually([&] { return !is_running(token); })) << "no compiler is left";
    EXPECT_THAT(list("cache/relfence/kernels"), IsEmpty());
    if (GetParam() != SIGKILL) {
        EXPECT_EQ(WEXITSTATUS(status), 130);
        expect_nothing_left();
    }
    // No lock is left, and the next lab removes what a killed one could not.
    put("project/kernel/v1/0001-one.patch", patch_of("one.c", "v1"));
    EXPECT_EQ(binary("v1"), "base\nv1\nbase\nbase\n");
    EXPECT_THAT(list("cache/relfence/work"), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Each, InterruptedBuild, testing::Values(SIGINT, SIGTERM, SIGKILL));

TEST_F(Build, TwoLabsBuildOneKernelOnce) {
    auto first = start_lab(command({"v1"}));
    auto second = start_lab(command({"v1"}));
    EXPECT_EQ(WEXITSTATUS(first.wait()), 0);
    EXPECT_EQ(WEXITSTATUS(second.wait()), 0);
    EXPECT_THAT(list("cache/relfence/kernels"), SizeIs(1));
    EXPECT_THAT(list("cache/relfence/work"), IsEmpty());
}

TEST_F(Build, TheCacheIsListedAndRemoved) {
    ASSERT_EQ(exit_code(build({"v1", "v2"})), 0);
    const auto listing = lab({"cache"});
    EXPECT_THAT(listing.output, HasSubstr("v1 6.12.7-relfence-v1"));
    EXPECT_THAT(listing.output, HasSubstr("source"));
    EXPECT_EQ(exit_code(lab({"clean"})), 2);
    EXPECT_EQ(exit_code(lab({"clean", "nosuch"})), 2);
    EXPECT_EQ(exit_code(lab({"clean", "v2"})), 0);
    EXPECT_THAT(list("cache/relfence/kernels"), SizeIs(1));
    EXPECT_THAT(build({"v1"}).output, HasSubstr("cached"));
    EXPECT_EQ(exit_code(lab({"clean", "--all"})), 0);
    for (const char* folder : {"kernels", "objects", "sources", "work"})
        EXPECT_THAT(list(std::string{"cache/relfence/"} + folder), IsEmpty());
}

/// A tree whose kernel is the stand-in, and does what the last line of one.c says.
class Compare : public Build {
  protected:
    Compare() {
        put("tree/Makefile", R"makefile(VERSION = 6
PATCHLEVEL = 12
SUBLEVEL = 7
.PHONY: mrproper linux
mrproper:
	@true
linux: one.c
	@cp $(FAKE_LINUX) build/linux
	@tail -n 1 one.c >build/System.map
	@mkdir -p build/include/config
	@echo 6.12.7$(LOCALVERSION) >build/include/config/kernel.release
)makefile");
        ::setenv("FAKE_LINUX", FAKE_LINUX, 1);
        put("project/lab/cases.json", R"({"cases": []})");
        put("mine/0001-panic.patch", patch_of("one.c", "panic"));
        put("same/0001-same.patch", patch_of("two.c", "nothing"));
    }
    [[nodiscard]] CommandResult compare(std::vector<std::string> more) const {
        more.insert(more.begin(), {"compare", "--project", "project", "--tree", "tree", "--cases",
                                   FAKE_CASES, "-c", "good"});
        return lab(more);
    }
};

TEST_F(Compare, ShowsTheRowsThatASeriesChanges) {
    const auto result = compare({"--series", "mine/"});
    EXPECT_EQ(exit_code(result), 1) << result.error;
    EXPECT_THAT(result.output, HasSubstr("good/a  fine  ! panic"));
    EXPECT_THAT(result.output, HasSubstr("2 of 2 rows differ"));
}

TEST_F(Compare, ASeriesThatChangesNothingIsExitZero) {
    const auto result = compare({"--base", "baseline", "--series", "same/"});
    EXPECT_EQ(exit_code(result), 0) << result.error;
    EXPECT_THAT(result.output, HasSubstr("0 of 2 rows differ"));
}

TEST_F(Compare, StatesCanBeTreesAndKernelsByName) {
    fs::copy(root / "tree", root / "other", fs::copy_options::recursive);
    put("other/one.c", "base\npanic\n");
    EXPECT_EQ(exit_code(compare({"--base", "tree/", "--series", "other/"})), 1);
    EXPECT_EQ(exit_code(compare({"--base", "v2", "--series", "baseline"})), 0);
    EXPECT_EQ(exit_code(compare({"--series", "nosuch"})), 2);
}

}  // namespace
}  // namespace relfence::lab
