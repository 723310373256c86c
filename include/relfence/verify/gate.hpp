// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/lab/architecture.hpp>
#include <relfence/lab/process.hpp>

namespace relfence::verify {

/// What came of a gate. error: it could not do its work; that is no statement about the patches.
enum class Outcome { pass, fail, skip, error };
[[nodiscard]] std::string_view outcome_name(Outcome outcome);

/// One row of the table.
struct GateResult {
    std::string name;
    Outcome outcome = Outcome::pass;
    std::string text;              ///< one line: what was seen, or the first thing that is wrong
    std::vector<std::string> all;  ///< each thing that is wrong
    std::filesystem::path log;     ///< may be empty
    double seconds = 0;
};

/// The patches of a series on a source, and where to work on them.
struct Subject {
    std::filesystem::path project;
    std::filesystem::path source;                ///< pristine tree, only read
    std::string version;                         ///< "6.12"
    std::string release;                         ///< "6.12.117"
    lab::Architecture architecture;              ///< what the builds are for
    std::vector<std::filesystem::path> patches;  ///< in the order of application
    std::vector<std::filesystem::path> configs;  ///< fragments for the builds
    /// Fragments that name symbols of the patches themselves: built and checked after the last one.
    std::vector<std::filesystem::path> own_configs;
    std::filesystem::path scratch;  ///< removed by whoever made it
    std::filesystem::path logs;
    int jobs = 1;
    const lab::Interrupts* interrupts = nullptr;
};

/// The files that a patch changes or makes, from its "+++ b/" lines.
[[nodiscard]] std::set<std::string> touched_files(std::string_view patch);

/// The compiler's and sparse's warnings in what a build printed, "FILE: warning: TEXT" each, with
/// how often it occurs. Lines and columns are left out, since patches move them, and so is what
/// kernel-doc says in a W=1 build: it has a gate of its own.
[[nodiscard]] std::map<std::string, int> compiler_warnings(std::string_view output);

/// Whether a build with C=2 has checked any file, by what make printed. Linux 7.x builds on without
/// a sparse that it does not accept (scripts/checker-valid.sh), and that is no warning of a file.
[[nodiscard]] bool checker_ran(std::string_view output);

/// kernel-doc's warnings and errors, likewise.
[[nodiscard]] std::map<std::string, int> kernel_doc_warnings(std::string_view output);

/// What modules take from elsewhere, and what they give to others.
struct ModuleSymbols {
    std::set<std::string> undefined;
    std::set<std::string> exported;
};

/// Reads the output of `nm` over modules (.ko), into one for all of them.
[[nodiscard]] ModuleSymbols module_symbols(std::string_view nm);

/// What @p after takes, but neither it gives nor @p before took already.
[[nodiscard]] std::set<std::string> newly_undefined(const ModuleSymbols& before,
                                                    const ModuleSymbols& after);

/// What is in @p after and not, or less often, in @p before.
[[nodiscard]] std::vector<std::string> added(const std::map<std::string, int>& before,
                                             const std::map<std::string, int>& after);

/// The findings of `checkpatch --terse --show-types` of a type that is not allowed.
[[nodiscard]] std::vector<std::string> checkpatch_findings(std::string_view output,
                                                           const std::set<std::string>& allowed);

/// The types in tests/series/checkpatch.allowed: the first word of each line but comments.
[[nodiscard]] std::set<std::string> allowed_types(std::string_view text);

}  // namespace relfence::verify
