// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/base/unique_fd.hpp>
#include <relfence/lab/process.hpp>
#include <relfence/lab/scratch.hpp>

namespace relfence::lab {

/// What decides whether a kernel is the one wanted. Every field is a hash or a version of content,
/// never a time or a path: the same input anywhere gives the same key.
struct BuildInputs {
    std::string source;                                        ///< hash of the source
    std::string compiler;                                      ///< version of compiler and linker
    std::vector<std::pair<std::string, std::string>> configs;  ///< name, hash; in order
    std::vector<std::pair<std::string, std::string>> patches;  ///< name, hash; in order
    std::string local_version;                                 ///< what the kernel calls itself
};

/// The text whose hash is the key of a kernel.
[[nodiscard]] std::string key_text(const BuildInputs& inputs);

/// A lock between labs, held for as long as this lives. Gone with the process, however it ends.
class CacheLock {
  public:
    explicit CacheLock(UniqueFd fd) : fd_{std::move(fd)} {}

  private:
    UniqueFd fd_;
};

enum class LockMode { shared, exclusive };

/// ${XDG_CACHE_HOME:-~/.cache}/relfence:
///   sources/HASH   an unpacked source tree, never written again
///   objects/KEY    objects of a finished build, from which the next one starts
///   kernels/KEY    linux, .config, System.map, build.json
///   work/          builds under way; gone with the lab that made them
///   downloads/     tarballs of sources that are not installed
///   tools/NAME     a program that was built because the installed one is too old
///   locks/         one file per lock
/// Everything is made in work/ and renamed into place when it is whole, so that what is there is
/// complete. Value type; safe from several processes at once.
class Cache {
  public:
    [[nodiscard]] static Result<Cache> open();
    [[nodiscard]] static Result<Cache> open(const std::filesystem::path& root);

    [[nodiscard]] std::filesystem::path source(const std::string& hash) const;
    [[nodiscard]] std::filesystem::path objects(const std::string& key) const;
    [[nodiscard]] std::filesystem::path kernel(const std::string& key) const;
    /// A file that was fetched, by its own name.
    [[nodiscard]] std::filesystem::path download(const std::string& name) const;
    /// The folder of a program that was built, by its name and version; of all for an empty name.
    [[nodiscard]] std::filesystem::path tool(const std::string& name) const;
    [[nodiscard]] std::filesystem::path logs() const { return root_ / "logs"; }
    [[nodiscard]] const std::filesystem::path& root() const { return root_; }

    /// A directory for a build under way.
    [[nodiscard]] Result<Scratch> work() const;
    /// Takes the lock of that name; waits for whoever holds it. @return error EINTR on a Ctrl-C
    [[nodiscard]] Result<CacheLock> lock(const std::string& name, LockMode mode,
                                         const Interrupts* interrupts) const;
    /// Takes the lock only if nobody holds it. @return whether it was free
    [[nodiscard]] Result<std::pair<CacheLock, bool>> try_lock(const std::string& name,
                                                              LockMode mode) const;

  private:
    explicit Cache(std::filesystem::path root) : root_{std::move(root)} {}
    std::filesystem::path root_;
};

/// One thing in the cache.
struct CacheEntry {
    std::string kind;  ///< "kernel", "objects", "source", "download", "tool"
    std::string key;
    std::string title;  ///< the kernel's name and version where known
    std::uintmax_t bytes = 0;
    std::filesystem::path path;
};

/// Everything in the cache, kernels first.
[[nodiscard]] std::vector<CacheEntry> list_cache(const Cache& cache);
/// Removes what @p entries name, except what a lab uses just now. @return what was left for that
[[nodiscard]] Result<std::vector<CacheEntry>> remove_entries(
    const Cache& cache, const std::vector<CacheEntry>& entries);

}  // namespace relfence::lab
