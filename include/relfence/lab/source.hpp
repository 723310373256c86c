// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include <relfence/base/error.hpp>
#include <relfence/lab/cache.hpp>
#include <relfence/lab/process.hpp>

namespace relfence::lab {

/// A kernel source, known by its content.
struct SourceId {
    std::filesystem::path path;  ///< Debian's tarball, or a tree of one's own
    bool is_tree = false;
    std::string hash;
    std::string version;  ///< the stable series: "6.12"
};

/// Where Debian's linux-source package puts the source of that stable series.
[[nodiscard]] std::filesystem::path debian_tarball(const std::string& version);

/// Debian's tarball of that stable series: where its package puts it, or what fetch_source() has
/// put into the cache. The first of these when neither is there.
[[nodiscard]] std::filesystem::path find_tarball(const Cache& cache, const std::string& version);

/// Looks at a source and hashes its content: the tarball, or of a git tree the commit's tree plus
/// what is changed and new, or of any other tree the names, sizes and times of its files (hashing a
/// gigabyte at each start would cost more than a needless rebuild now and then).
/// @param version the stable series it must be of: "6.12"
/// @return an error that says what to install or what version was found
[[nodiscard]] Result<SourceId> identify_source(const Cache& cache,
                                               const std::filesystem::path& path,
                                               const std::string& version);

/// VERSION.PATCHLEVEL.SUBLEVEL of a tree, from the text of its Makefile; empty if it has none.
[[nodiscard]] std::string makefile_version(const std::string& makefile);

/// The stable series of a tree, "6.12". @return an error if it is no kernel source tree
[[nodiscard]] Result<std::string> tree_series(const std::filesystem::path& tree);

/// Unpacks or copies the source into the cache, unless it is there.
/// @param note told one line when there is something to wait for
/// @return the tree in the cache, which nobody may write
[[nodiscard]] Result<std::filesystem::path> prepare_source(
    const Cache& cache, const SourceId& source, const Interrupts* interrupts,
    const std::function<void(const std::string&)>& note);

}  // namespace relfence::lab
