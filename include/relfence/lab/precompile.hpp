// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/lab/process.hpp>

namespace relfence::lab {

/// How a kernel is compiled with precompiled headers. Most of the time of an object goes into
/// headers that nearly every object reads; gcc can load them instead. It does so for a header whose
/// .gch lies beside it, and Kbuild's first -include is one. A .gch is valid only while no macro of
/// the command line is mentioned in it, so the names that Kbuild defines for each object go by
/// other names, and a header that comes after the .gch gives them back.
struct Precompilation {
    std::vector<std::string> make_arguments;  ///< variables of scripts/Makefile.lib, set anew
    std::string flags;                        ///< what has to be in KCFLAGS
};

/// What Kbuild's variables basename_flags, modname_flags and modfile_flags define, by other names.
struct RenamedMacros {
    std::map<std::string, std::string> macros;  ///< Kbuild's name, and the one on the command line
    std::vector<std::string> make_arguments;
};

/// @param makefile the content of scripts/Makefile.lib
/// @return nothing if it does not set the three variables in the way that is known
[[nodiscard]] std::optional<RenamedMacros> rename_kbuild_macros(std::string_view makefile);

/// The command that precompiles, from the one that compiled an object.
/// @param cmd_file the content of Kbuild's scripts/mod/.empty.o.cmd
/// @param output the .gch
/// @param header what to precompile; its dependencies are written beside it
/// @return a command for a shell in the build directory; empty if the file is not as expected
[[nodiscard]] std::string precompile_command(std::string_view cmd_file, std::string_view output,
                                             std::string_view header);

/// Writes what has to be there before the first object is compiled: tree/build/relfence-*.h.
/// @return nothing if this tree cannot be compiled so: it is then compiled as usual
[[nodiscard]] Result<std::optional<Precompilation>> prepare_precompilation(
    const std::filesystem::path& tree);

/// Precompiles the headers, after `make prepare`. Where gcc cannot, the objects are compiled as
/// usual.
[[nodiscard]] Result<void> precompile_headers(const std::filesystem::path& tree,
                                              const Interrupts* interrupts);

/// Lets what make compiles from now on do without. For a source whose own names are those of a
/// header.
void drop_precompiled_headers(const std::filesystem::path& tree);

}  // namespace relfence::lab
