// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <string_view>

#include <relfence/base/error.hpp>
#include <relfence/fleet/plan.hpp>

namespace relfence::fleet {

/// The files that patches name as old ones, except those in which a name would leave the tree.
/// @return an error for a name with ".." or one that is absolute
[[nodiscard]] Result<std::set<std::string>> touched_files(std::string_view patches);

/// What applying a plan gave.
struct Applied {
    std::size_t patches = 0;
    std::size_t files = 0;
};

/// Applies the patches of a plan one by one to copies of the files they touch, then the cumulative
/// patch to other copies, and compares the two: what a package applies must be what was reviewed.
/// @param source  a pristine tree; it is only read
/// @param scratch an empty directory for the copies
/// @param cumulative the text to try
/// @return an error that names patch, file and hunk, or a file in which the two differ
[[nodiscard]] Result<Applied> check_applies(const Plan& plan, std::string_view cumulative,
                                            const std::filesystem::path& source,
                                            const std::filesystem::path& scratch);

}  // namespace relfence::fleet
