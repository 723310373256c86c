// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>

#include <relfence/lab/files.hpp>
#include <relfence/lab/precompile.hpp>
#include <relfence/lab/scratch.hpp>

namespace relfence::lab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

// In the form of scripts/Makefile.lib of Linux 6.12.
constexpr std::string_view makefile_lib =
    "name-fix = $(call stringify,$(call name-fix-token,$1))\n"
    "basename_flags = -DKBUILD_BASENAME=$(call name-fix,$(basetarget))\n"
    "modname_flags  = -DKBUILD_MODNAME=$(call name-fix,$(modname)) \\\n"
    "\t\t -D__KBUILD_MODNAME=kmod_$(call name-fix-token,$(modname))\n"
    "modfile_flags  = -DKBUILD_MODFILE=$(call stringify,$(modfile))\n"
    "other = 1\n";

TEST(RenameKbuildMacros, GivesEachMacroAnotherName) {
    const auto renamed = rename_kbuild_macros(makefile_lib);
    ASSERT_TRUE(renamed);
    EXPECT_THAT(renamed->macros,
                ElementsAre(Pair("KBUILD_BASENAME", "RELFENCE_KBUILD_BASENAME"),
                            Pair("KBUILD_MODFILE", "RELFENCE_KBUILD_MODFILE"),
                            Pair("KBUILD_MODNAME", "RELFENCE_KBUILD_MODNAME"),
                            Pair("__KBUILD_MODNAME", "RELFENCE___KBUILD_MODNAME")));
    EXPECT_THAT(
        renamed->make_arguments,
        ElementsAre("basename_flags=-DRELFENCE_KBUILD_BASENAME=$(call name-fix,$(basetarget))",
                    "modname_flags=-DRELFENCE_KBUILD_MODNAME=$(call name-fix,$(modname)) "
                    "-DRELFENCE___KBUILD_MODNAME=kmod_$(call name-fix-token,$(modname))",
                    "modfile_flags=-DRELFENCE_KBUILD_MODFILE=$(call stringify,$(modfile))"));
}

TEST(RenameKbuildMacros, KnowsNothingOfAnotherKbuild) {
    EXPECT_FALSE(rename_kbuild_macros(""));
    EXPECT_FALSE(
        rename_kbuild_macros("basename_flags = -DKBUILD_BASENAME=x\nmodname_flags = -Dy\n"));
}

TEST(PrecompileCommand, DropsWhatBelongsToOneObject) {
    const std::string command = precompile_command(
        "savedcmd_scripts/mod/empty.o := gcc -Wp,-MMD,scripts/mod/.empty.o.d -nostdinc "
        "-I../include -include "
        "../include/linux/kconfig.h -D__KERNEL__ -O1 -include relfence-names.h "
        "-DRELFENCE_KBUILD_MODFILE='\"scripts/mod/empty\"' -DRELFENCE_KBUILD_BASENAME='\"empty\"' "
        "-DRELFENCE___KBUILD_MODNAME=kmod_empty -c -o scripts/mod/empty.o ../scripts/mod/empty.c\n",
        "x.gch", "h.h");
    EXPECT_EQ(command,
              "gcc -nostdinc -I../include -include ../include/linux/kconfig.h -D__KERNEL__ "
              "-O1 -Wp,-MMD,h.h.d -x c-header -o x.gch h.h");
}

TEST(PrecompileCommand, RefusesWhatIsNoCommand) {
    EXPECT_EQ(precompile_command("", "x.gch", "h.h"), "");
    EXPECT_EQ(precompile_command("gcc -c -o x", "x.gch", "h.h"), "");
}

TEST(PreparePrecompilation, WritesOnlyWhatIsOther) {
    auto scratch = Scratch::create();
    ASSERT_TRUE(scratch);
    const auto tree = scratch->path();
    ASSERT_TRUE(make_directories(tree / "scripts"));
    ASSERT_TRUE(make_directories(tree / "build"));
    ASSERT_TRUE(write_file(tree / "scripts" / "Makefile.lib", std::string{makefile_lib}));
    ASSERT_TRUE(prepare_precompilation(tree).value_or(std::nullopt));
    EXPECT_THAT(*read_file(tree / "build" / "relfence-names.h"),
                HasSubstr("#define KBUILD_MODNAME RELFENCE_KBUILD_MODNAME\n"));
    // Every object depends on them: a new time would compile them all again.
    const auto old = std::filesystem::file_time_type::clock::now() - std::chrono::hours{1};
    std::filesystem::last_write_time(tree / "build" / "relfence-names.h", old);
    ASSERT_TRUE(write_file(tree / "build" / "relfence-headers.h", "other\n"));
    ASSERT_TRUE(prepare_precompilation(tree));
    EXPECT_EQ(std::filesystem::last_write_time(tree / "build" / "relfence-names.h"), old);
    EXPECT_THAT(*read_file(tree / "build" / "relfence-headers.h"), Not(HasSubstr("other")));
}

TEST(PreparePrecompilation, LeavesAnotherTreeAsItIs) {
    auto scratch = Scratch::create();
    ASSERT_TRUE(scratch);
    const auto prepared = prepare_precompilation(scratch->path());
    ASSERT_TRUE(prepared);
    EXPECT_FALSE(*prepared);
}

}  // namespace
}  // namespace relfence::lab
