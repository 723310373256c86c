// SPDX-License-Identifier: MIT
// From a manifest to patches, a lock, and files.
#include <gmock/gmock.h>

#include <relfence/fleet/apply.hpp>
#include <relfence/fleet/plan.hpp>
#include <relfence/lab/files.hpp>

#include "fleet_fixture.hpp"

namespace relfence::fleet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class FleetPlan : public FleetProject {
  protected:
    Result<Plan> plan(const std::filesystem::path& external = {}) const {
        const auto loaded = load_manifest(root, "host");
        const auto units = load_units(root);
        if (!loaded) return tl::make_unexpected(loaded.error());
        if (!units) return tl::make_unexpected(units.error());
        return make_plan(root, *loaded, *units, external);
    }
    std::string refused() const {
        const auto made = plan();
        return made ? "accepted" : made.error().message();
    }
    std::vector<std::string> differences(const std::string& lock) const {
        return compare_lock(lock, "lock", plan().value()).value();
    }
    std::filesystem::path external() const {
        put("board/0001-dts.patch", patch_to("b.c", "three", "board", "dts"));
        return root / "board";
    }
};

std::vector<std::string> names(const Plan& plan) {
    std::vector<std::string> list;
    for (const auto& patch : plan.patches) list.push_back(patch.name);
    return list;
}

TEST_F(FleetPlan, HasEveryPatchInOrder) {
    const auto made = plan();
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_THAT(names(*made), ElementsAre("0001-*.patch", "prereq-0001-fix.patch",
                                          "0004-helper.patch", "0005-driver.patch"));
    EXPECT_EQ(made->patches.back().position, 4);
    EXPECT_EQ(made->patches.back().subject, "a subject that is folded");
    EXPECT_EQ(made->patches.back().path, "kernel/series/v2/6.12/0005-driver.patch");
    EXPECT_EQ(made->missing(), 1U);
    EXPECT_EQ(made->config_fragment(),
              "# host: merge onto running\nCONFIG_VIDEO_HANTRO=m\n# CONFIG_KUNIT is not set\n");
}

TEST_F(FleetPlan, TakesExternalPatchesFromADirectory) {
    const auto made = plan(external());
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_EQ(made->patches.front().name, "0001-dts.patch");
    EXPECT_EQ(made->patches.front().subject, "dts");
    EXPECT_EQ(made->missing(), 0U);
    put("board/0001-dts-too.patch", "");
    EXPECT_THAT(plan(root / "board").error().message(),
                HasSubstr("2 files are called 0001-*.patch"));
    EXPECT_THAT(plan(root / "none").error().message(), HasSubstr("No such file"));
}

// 0005 without 0004 is a kernel that does not build, or worse: one without the fixes.
TEST_F(FleetPlan, TakesASeriesAsAWhole) {
    change("[\"0004\", \"0005\"]", "[\"0005\"]");
    EXPECT_THAT(refused(),
                HasSubstr("fleet/host.yaml:18: patches: 0005 without 0004; the series is one "
                          "unit (expected 0004, 0005, or no 'patches'"));
    change("[\"0004\", \"0005\"]", "[\"0004\"]");
    EXPECT_THAT(refused(), HasSubstr("0004 without 0005"));
    change("[\"0004\", \"0005\"]", "[\"0005\", \"0004\"]");
    EXPECT_THAT(refused(), HasSubstr("not in the order"));
    change("[\"0004\", \"0005\"]", "[\"0004\", \"0005\", \"0007\"]");
    EXPECT_THAT(refused(), HasSubstr("media/vb2 has no 0007"));
    change("    patches: [\"0004\", \"0005\"]\n", "");
    EXPECT_EQ(refused(), "accepted");
}

TEST_F(FleetPlan, RefusesScopesAndVersionsThatAreNotThere) {
    change("ref: v6.12.117", "ref: v7.9");
    EXPECT_THAT(refused(), HasSubstr("no kernel/prereq/7.9"));
    put("fleet/host.yaml", manifest);
    put("fleet/units.yaml", "format: 1\nunits:\n  - {scope: x, title: t, series: series/v2}\n");
    EXPECT_THAT(refused(), HasSubstr("media/vb2 is not in fleet/units.yaml (there is x;"));
    put("fleet/units.yaml",
        "format: 1\nunits:\n  - {scope: media/vb2, title: t, series: series/v2, needs: [y]}\n");
    EXPECT_THAT(refused(), HasSubstr("media/vb2 needs y before it"));
    put("fleet/units.yaml", "format: 1\nunits:\n  - {scope: x, title: t, series: ../../etc}\n");
    EXPECT_THAT(refused(), HasSubstr("fleet/units.yaml:3: series: expected a relative path"));
    put("fleet/units.yaml",
        "format: 1\nunits: [{scope: x, title: t, series: s}, {scope: x, title: t, series: s}]\n");
    EXPECT_THAT(refused(), HasSubstr("x is there twice"));
}

TEST_F(FleetPlan, LockNamesThePatchThatChanged) {
    const std::string lock = lock_text(plan().value()).value();
    EXPECT_THAT(differences(lock), IsEmpty());
    put("kernel/series/v2/6.12/0005-driver.patch", "Subject: x\n\n--- a/a.c\n+++ b/a.c\n");
    EXPECT_THAT(differences(lock), ElementsAre(HasSubstr("0005-driver.patch: changed; sha256 ")));
    // A new name is still the same patch.
    std::filesystem::rename(root / "kernel/series/v2/6.12/0005-driver.patch",
                            root / "kernel/series/v2/6.12/0005-drivers.patch");
    EXPECT_THAT(differences(lock), ElementsAre(HasSubstr("0005-drivers.patch: changed")));
    std::filesystem::remove(root / "kernel/series/v2/6.12/0005-drivers.patch");
    change("    patches: [\"0004\", \"0005\"]\n", "");
    EXPECT_THAT(differences(lock),
                ElementsAre("0005-driver.patch: in the lock, and no longer there"));
}

TEST_F(FleetPlan, LockNoticesNewPatchesOrderAndBaseline) {
    const std::string lock = lock_text(plan().value()).value();
    put("kernel/prereq/6.12/0002-more.patch", patch_to("b.c", "three", "more", "more"));
    change("v6.12.117", "v6.12.118");
    EXPECT_THAT(differences(lock),
                ElementsAre("baseline.ref: the lock has v6.12.117, the manifest v6.12.118",
                            "prereq-0002-more.patch: not in the lock",
                            "0004-helper.patch: position 4, in the lock 3",
                            "0005-driver.patch: position 5, in the lock 4"));
}

TEST_F(FleetPlan, LockOfExternalPatches) {
    const auto directory = external();
    const std::string without = lock_text(plan().value()).value();
    const std::string with = lock_text(plan(directory).value()).value();
    EXPECT_THAT(compare_lock(with, "lock", plan().value()).value(), IsEmpty());
    EXPECT_THAT(compare_lock(without, "lock", plan(directory).value()).value(),
                ElementsAre("0001-dts.patch: the lock has no sha256"));
    put("board/0001-dts.patch", "else\n");
    EXPECT_THAT(compare_lock(with, "lock", plan(directory).value()).value(),
                ElementsAre(HasSubstr("0001-dts.patch: changed")));
}

TEST_F(FleetPlan, LockThatIsNoneIsAnError) {
    for (const char* text :
         {"", "{", "[]", "{\"format\": 2}", "{\"format\": 1}", R"({"format": 1, "host": 3})",
          R"({"format":1,"host":"h","baseline":{"tree":"t","ref":"r"},"patches":[{}]})"}) {
        const auto compared = compare_lock(text, "lock", plan().value());
        ASSERT_FALSE(compared) << text;
        EXPECT_THAT(compared.error().message(), HasSubstr("lock: is "));
    }
}

TEST_F(FleetPlan, AppliesOneByOneAndAtOnce) {
    const auto made = plan().value();
    const auto applied = check_applies(made, made.cumulative().value(), source, work);
    ASSERT_TRUE(applied) << applied.error().message();
    EXPECT_EQ(applied->patches, 3U);
    EXPECT_EQ(applied->files, 2U);
    EXPECT_EQ(lab::read_file(work / "at-once/a.c").value(), "one\ntwo\nthree\nfour\nfive\n");
    EXPECT_EQ(lab::read_file(source / "a.c").value(), "one\ntwo\nthree\n");
}

TEST_F(FleetPlan, SaysWhichPatchDoesNotApply) {
    std::ofstream{source / "b.c"} << "one\ntwo\nthree and a half\n";
    const auto made = plan().value();
    EXPECT_THAT(check_applies(made, made.cumulative().value(), source, work).error().message(),
                HasSubstr("0001-fix.patch: does not apply: b.c, hunk 1 at line 1"));
}

// The control of the comparison: a cumulative patch that lost a patch still applies.
TEST_F(FleetPlan, SaysWhenTheCumulativePatchGivesSomethingElse) {
    const auto made = plan().value();
    const std::string all = made.cumulative().value();
    EXPECT_THAT(
        check_applies(made, all.substr(0, all.rfind("Subject: ")), source, work).error().message(),
        HasSubstr("gives other files than its patches one by one"));
}

TEST_F(FleetPlan, NeverTouchesFilesOutsideOfTheTree) {
    EXPECT_THAT(touched_files("--- a/x/y.c\n+++ b/x/y.c\n--- /dev/null\n").value(),
                ElementsAre("x/y.c"));
    EXPECT_FALSE(touched_files("--- a/../../etc/passwd\n"));
    EXPECT_FALSE(touched_files("--- a//etc/passwd\n"));
    put("kernel/prereq/6.12/0001-fix.patch", patch_to("../outside.c", "three", "x", "escape"));
    std::ofstream{source / "../outside.c"} << "one\ntwo\nthree\n";
    const auto made = plan().value();
    EXPECT_THAT(check_applies(made, made.cumulative().value(), source, work).error().message(),
                HasSubstr("outside of the tree"));
    EXPECT_EQ(lab::read_file(source / "../outside.c").value(), "one\ntwo\nthree\n");
}

}  // namespace
}  // namespace relfence::fleet
