// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/lab/architecture.hpp>

namespace relfence::lab {

/// One kernel that the lab can build: a list of patches on the source, and a configuration.
struct KernelSpec {
    std::string name;     ///< "baseline", "v2": what --kernel takes and reports say
    std::string title;    ///< one line for people
    std::string version;  ///< the stable series of its source: "6.12"
    std::string arch{native_architecture};  ///< of Architecture: "um", "arm64"
    std::string expect;  ///< the kernel of which the same is expected; may be empty
    std::vector<std::filesystem::path> patches;  ///< directories or files, in order of application
    std::vector<std::filesystem::path> configs;  ///< fragments, the later one wins
    std::string cflags;          ///< for the compiler, after the kernel's own: "-O1"
    std::size_t objects = 800;   ///< about how many a first build compiles; only for its progress
    bool optional = false;       ///< only when asked for by name
    bool control = false;        ///< only when asked for by name, even if all are
    bool cost = false;           ///< measures time, and nothing else
    bool kunit = false;          ///< its KUnit suites are run
    std::filesystem::path tree;  ///< own source tree instead of the version's; may be empty
};

/// The kernels of the project.
struct KernelList {
    std::string version;  ///< the stable series that commands take when none is named: "6.12"
    std::string arch{native_architecture};  ///< likewise
    std::vector<KernelSpec> kernels;

    /// The kernel of that name. @return an error that lists the names there are
    [[nodiscard]] Result<KernelSpec> find(const std::string& name) const;
    /// The series that there are kernels for, in the order of the file.
    [[nodiscard]] std::vector<std::string> versions() const;
    /// Takes that series from now on. @return an error that lists those there are
    [[nodiscard]] Result<void> choose_version(const std::string& series);
    /// The kernels of the chosen series and architecture, with the optional ones or without; no
    /// controls.
    [[nodiscard]] std::vector<KernelSpec> chosen(bool optional_too) const;
};

/// Reads kernel/kernels.json:
///
///     {"version": "6.12",
///      "kernels": [{"name": "v2", "title": "...", "patches": ["prereq/6.12", ...],
///                   "configs": ["configs/uml.config", ...], "cflags": "-O1", "objects": 800,
///                   "optional": false, "control": false, "cost": false, "kunit": true},
///                  {"name": "7.3-v2", "version": "7.3", "expect": "v2", ...},
///                  {"name": "arm64-v2", "arch": "arm64", "expect": "v2", ...}]}
///
/// Paths are relative to the file's own directory. @return an error that names the file and what
/// is wrong in it: not JSON, a field missing, a path that does not exist, a name given twice
[[nodiscard]] Result<KernelList> load_kernel_list(const std::filesystem::path& file);

/// The project's directory: the nearest one, upwards from the running program and then from the
/// working directory, that holds kernel/kernels.json.
[[nodiscard]] Result<std::filesystem::path> find_project();

}  // namespace relfence::lab
