// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/fleet/manifest.hpp>

namespace relfence::fleet {

/// One patch of a host's kernel.
struct PlannedPatch {
    int position = 0;  ///< of application, from 1
    std::string scope;
    std::string number;  ///< "0004"
    /// What it is called in a package. The groundwork has numbers of its own, which would be those
    /// of the board's patches: "prereq-0001-media-....patch".
    std::string name;
    std::string path;  ///< in the project; of an external one, its file name. Empty: not here
    std::filesystem::path file;  ///< where it was read; empty for an external one that is not here
    std::string subject;
    std::string sha256;  ///< empty as file is
    bool external = false;
};

/// What a host's kernel is made of. Value type.
struct Plan {
    Manifest manifest;
    std::vector<PlannedPatch> patches;  ///< in order of application

    /// How many are external and were not given.
    [[nodiscard]] std::size_t missing() const;
    /// The patches that are here, one after the other: a mailbox for git am, and a patch for
    /// patch -p1. @return an error when a file changed since the plan was made
    [[nodiscard]] Result<std::string> cumulative() const;
    /// A fragment for merge_config.sh.
    [[nodiscard]] std::string config_fragment() const;
};

/// Resolves a manifest against kernel/: for each scope in order the groundwork and the series, all
/// of it or an error. Patches of a series depend on each other, and on fixes without which a fence
/// may never signal, so that a part of them is worse than none.
/// @param external directory with the external patches, as 0001-*.patch; empty: they stay unknown
/// @return an error that names file and line of the manifest
[[nodiscard]] Result<Plan> make_plan(const std::filesystem::path& project, const Manifest& manifest,
                                     const std::vector<Unit>& units,
                                     const std::filesystem::path& external = {});

/// The subject of a mail with a patch, without "[PATCH ...]", a folded one in one line.
[[nodiscard]] std::string patch_subject(std::string_view mail);

/// The lock of a plan as JSON: baseline, and of each patch what it is and its sha256.
[[nodiscard]] Result<std::string> lock_text(const Plan& plan);

/// Compares a lock with a plan. @param name what errors call the lock
/// @return one line for each difference, which names the patch; none: they agree. An error when the
/// lock is none
[[nodiscard]] Result<std::vector<std::string>> compare_lock(std::string_view lock,
                                                            const std::string& name,
                                                            const Plan& plan);

}  // namespace relfence::fleet
