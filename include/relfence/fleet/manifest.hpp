// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <relfence/base/error.hpp>

namespace relfence::fleet {

/// One thing that a host's kernel takes on top of its baseline.
struct Include {
    std::string scope;  ///< "subsystem/media/videobuf2", "board/fresnel"
    int line = 0;       ///< of the manifest
    /// Patches of the owner of the host that are not in this project: only their numbers are known.
    bool external = false;
    std::string origin;                ///< of an external include: where its patches live
    std::vector<std::string> patches;  ///< numbers as written: "0004"; empty: all of the scope
    int patches_line = 0;              ///< of the manifest
};

/// What has to hold before a kernel is installed.
struct Bar {
    std::string name;   ///< "applies", "compile", "boot", "fence", "timing"
    std::string how;    ///< a command, or what a person does
    std::string where;  ///< "lab" or "board"
};

/// One host, as fleet/HOST.yaml has it; what each field is for: fleet/README.md. Value type.
struct Manifest {
    std::string file;  ///< as errors call it
    std::string host;
    std::string board, soc, gpu, arch;
    std::vector<std::string> drivers;  ///< those that the series is for
    bool deferred = false;
    bool carried = false;           ///< a kernel with the series is installed there
    std::string reason;             ///< why it is eligible or deferred
    std::string reopen;             ///< of a deferred host: what would make it eligible
    std::string tree, ref;          ///< baseline: "linux-stable", "v6.12.95"
    std::string version;            ///< the stable series of the ref: "6.12"
    std::vector<Include> includes;  ///< in apply_order
    std::string config_strategy;    ///< "merge" or "full"
    std::string config_base;        ///< "running", or the name of a defconfig
    std::vector<std::pair<std::string, std::string>> config;  ///< CONFIG_NAME, y, m or n
    std::string package;                                      ///< "linux-fresnel"
    std::string package_format;                               ///< "pkgbuild" or "deb"
    std::string install;  ///< "beside" the distribution's kernel, or "replace"
    std::vector<Bar> verification;
    std::string build_arch, build_mode, build_toolchain;
};

/// What a scope stands for: directories of kernel/ that are only ever taken together.
struct Unit {
    std::string scope;
    std::string title;
    std::vector<std::string> groundwork;  ///< directories below kernel/, without the version
    std::string series;                   ///< the same, applied after the groundwork
    std::vector<std::string> needs;       ///< scopes that have to be applied before
    int line = 0;
};

/// Whether @p host can be the name of a host, and so of a file: lower-case letters, digits, dashes.
[[nodiscard]] bool is_host_name(const std::string& host);

/// Reads PROJECT/fleet/HOST.yaml. @return an error "fleet/HOST.yaml:LINE: field: what is expected"
[[nodiscard]] Result<Manifest> load_manifest(const std::filesystem::path& project,
                                             const std::string& host);
/// Reads PROJECT/fleet/units.yaml.
[[nodiscard]] Result<std::vector<Unit>> load_units(const std::filesystem::path& project);
/// The hosts that have a manifest, by name.
[[nodiscard]] Result<std::vector<std::string>> list_hosts(const std::filesystem::path& project);

}  // namespace relfence::fleet
