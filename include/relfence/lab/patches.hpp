// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <relfence/base/error.hpp>

namespace relfence::lab {

/// The patch files of @p items in order: a file is itself, a directory its *.patch by name, without
/// a cover letter (0000-*), which changes nothing. @return an error for what does not exist
[[nodiscard]] Result<std::vector<std::filesystem::path>> list_patches(
    const std::vector<std::filesystem::path>& items);

/// Applies one patch to a source tree with the strictness of git am: no fuzz, all of it or nothing.
/// Only the files it touches get a new time, and they become files of their own where they were
/// hard links, so that a tree that shares them stays as it is.
/// @param tree need not be a git repository
/// @return the touched files, relative to the tree; an error that names patch, file and hunk
[[nodiscard]] Result<std::set<std::string>> apply_patch(const std::filesystem::path& tree,
                                                        const std::filesystem::path& patch);

/// Turns what git apply says about a patch into one phrase that names file and hunk.
/// @param said  git's stderr
/// @param patch the patch's text, to find the number of the hunk
[[nodiscard]] std::string explain_patch_failure(std::string_view said, std::string_view patch);

}  // namespace relfence::lab
