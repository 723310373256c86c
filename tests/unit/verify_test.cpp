// SPDX-License-Identifier: MIT
// What the gates of `relfence-lab verify` read out of the tools' words.
#include <gmock/gmock.h>

#include <relfence/verify/gate.hpp>

namespace relfence::verify {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

TEST(TouchedFiles, AreThoseOfBothSides) {
    EXPECT_THAT(touched_files("--- a/x/a.c\n+++ b/x/a.c\n--- /dev/null\n+++ b/x/new.c\n"
                              "--- a/x/old.c\n+++ /dev/null\n+--- a/no\n"),
                UnorderedElementsAre("x/a.c", "x/new.c", "x/old.c"));
}

TEST(CompilerWarnings, LoseTheirPlaceAndThePathOfTheOutputDirectory) {
    // Catches that a warning counts as new because a patch has moved it.
    EXPECT_THAT(compiler_warnings("../x/a.c:12:3: warning: unused variable 'a' [-Wunused]\n"
                                  "   12 | code\n"
                                  "../x/a.c:99:3: warning: unused variable 'a' [-Wunused]\n"),
                ElementsAre(Pair("x/a.c: warning: unused variable 'a' [-Wunused]", 2)));
}

TEST(CompilerWarnings, LeaveOutKernelDocWhichHasNoColumn) {
    const char* said = "x/a.c:12: warning: Function parameter 'b' not described in 'f'\n";
    EXPECT_THAT(compiler_warnings(said), IsEmpty());
    EXPECT_THAT(kernel_doc_warnings(said), testing::SizeIs(1));
}

TEST(CompilerWarnings, TakeSparseToo) {
    EXPECT_THAT(compiler_warnings("../x/a.c:7:1: warning: context imbalance in 'f' - wrong count\n"
                                  "../x/b.c:7:1: sparse: warning: symbol 'g' was not declared\n"),
                testing::SizeIs(2));
}

TEST(Checker, HasRunOnlyIfItHasLookedAtAFile) {
    // Catches that the silence of a sparse that was not run counts as praise.
    EXPECT_TRUE(checker_ran("make[1]: Entering directory\n  CHECK   ../x/a.c\n"));
    EXPECT_FALSE(checker_ran("make[1]: Entering directory\n  CC      x/a.o\n"));
    EXPECT_FALSE(checker_ran("Makefile:1: C=2 specified, but sparse is not available\n"));
}

TEST(KernelDoc, UnderstandsTheToolOfLaterKernels) {
    EXPECT_THAT(
        kernel_doc_warnings("Warning: x/a.h:12 function parameter 'b' not described in 'f'\n"
                            "Info: x/a.h:1 Scanning doc for function f\n"),
        ElementsAre(Pair("x/a.h: function parameter 'b' not described in 'f'", 1)));
}

TEST(Added, CountsHowOftenAsWell) {
    // A second function with the same mistake is new, though its text is known.
    EXPECT_THAT(added({{"a", 1}, {"b", 1}}, {{"a", 1}, {"b", 2}, {"c", 1}}), ElementsAre("b", "c"));
    EXPECT_THAT(added({{"a", 3}}, {{"a", 1}}), IsEmpty());
}

constexpr const char* hantro_and_core =
    "\nbuild/a/hantro-vpu.ko:\n"
    "                 U kmalloc\n"
    "                 U v4l2_m2m_attach\n"
    "0000000000000010 t hantro_run\n"
    "\nbuild/a/v4l2-mem2mem.ko:\n"
    "0000000000000000 T v4l2_m2m_attach\n";

TEST(ModuleSymbols, AreNewIfNeitherTheModulesNorTheBaseKnowThem) {
    const auto base = module_symbols("                 U kmalloc\n");
    // Defined is not exported: another module does not get it.
    const auto without = module_symbols(hantro_and_core);
    EXPECT_THAT(without.undefined, UnorderedElementsAre("kmalloc", "v4l2_m2m_attach"));
    EXPECT_THAT(newly_undefined(base, without), ElementsAre("v4l2_m2m_attach"));
    const auto with = module_symbols(std::string{hantro_and_core} +
                                     "0000000000000010 r __ksymtab_v4l2_m2m_attach\n");
    EXPECT_THAT(newly_undefined(base, with), IsEmpty());
}

TEST(Checkpatch, LeavesOutWhatIsAllowed) {
    const auto allowed =
        allowed_types("# why\nMISSING_SIGN_OFF    whoever sends\n\nFILE_PATH_CHANGES x\n");
    EXPECT_THAT(allowed, UnorderedElementsAre("MISSING_SIGN_OFF", "FILE_PATH_CHANGES"));
    EXPECT_THAT(checkpatch_findings(
                    "/p/0001-a.patch:0: ERROR:MISSING_SIGN_OFF: Missing Signed-off-by: line(s)\n"
                    "/p/0001-a.patch:7: CHECK:SPACING: no space before tabs\n"
                    "total: 1 errors, 0 warnings, 1 checks, 9 lines checked\n",
                    allowed),
                ElementsAre("0001-a.patch:7: CHECK:SPACING: no space before tabs"));
}

}  // namespace
}  // namespace relfence::verify
