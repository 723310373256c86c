// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/lab/build_progress.hpp>
#include <relfence/lab/cache.hpp>
#include <relfence/lab/kernel_list.hpp>
#include <relfence/lab/process.hpp>
#include <relfence/lab/source.hpp>

namespace relfence::lab {

/// A kernel that is ready to boot.
struct BuiltKernel {
    std::string name;
    std::filesystem::path directory;  ///< linux, .config, System.map, build.json
    std::string key;
    std::string release;       ///< as uname -r
    bool cached = false;       ///< was there before
    std::string derived_from;  ///< the kernel whose objects it started from; empty: none
    std::size_t objects = 0;   ///< compiled for it
    std::chrono::milliseconds duration{0};
};

/// Builds kernels and keeps them.
///
/// A kernel is made in a directory of its own: the pristine source by hard links, its patches, and
/// the objects of the nearest kernel that was built before as a real copy (a .cmd file is truncated
/// and written again in place, so that a hard-linked one would change under its owner). The output
/// directory lies inside the source tree, which makes every path in it relative: make finds
/// nothing to do in a copy but what a patch has touched.
///
/// Why not ccache: docs/kernel-builds.md has the measurement. Both were tried on 6.12.117.
class Builder {
  public:
    struct Options {
        std::filesystem::path tree;  ///< the source of kernels of its version; may be empty
        int jobs = 0;                ///< 0: as many as there are processors
        const Interrupts* interrupts = nullptr;
        int nice = 0;  ///< of the compilers, see SpawnOptions
    };
    Builder(Cache cache, Options options)
        : cache_{std::move(cache)}, options_{std::move(options)} {}

    /// The kernel from the cache, or nothing when it has not been built.
    [[nodiscard]] Result<std::optional<BuiltKernel>> find(const KernelSpec& spec);
    /// The kernel from the cache, or built now. Shows its progress on stderr. Safe from several
    /// labs at once: the second one waits, and finds it done. Fetches a source that is neither
    /// installed nor in the cache.
    [[nodiscard]] Result<BuiltKernel> build(const KernelSpec& spec);
    /// The same for several kernels, two of them at a time where they do not need each other: half
    /// of a kernel that starts from another's objects is work for one processor. When one fails,
    /// the others are stopped.
    /// @param ready called for each kernel once it is there, never for two at once
    /// @return the kernels in the order of @p specs, or the first error
    [[nodiscard]] Result<std::vector<BuiltKernel>> build_all(
        const std::vector<KernelSpec>& specs,
        const std::function<void(const BuiltKernel&)>& ready = {});
    /// The pristine source of a series in the cache, unpacked; fetched if need be.
    [[nodiscard]] Result<std::filesystem::path> pristine(const std::string& version);

  private:
    struct Plan;
    [[nodiscard]] Result<Plan> plan(const KernelSpec& spec);
    [[nodiscard]] Result<SourceId> source_of(const std::string& version);
    [[nodiscard]] Result<void> fetch_missing(const std::string& version);
    [[nodiscard]] Result<BuiltKernel> build(const KernelSpec& spec, BuildProgress& progress,
                                            std::size_t number);
    [[nodiscard]] Result<BuiltKernel> build_now(const Plan& plan, BuildProgress& progress,
                                                std::size_t number);

    Cache cache_;
    std::map<std::string, SourceId> sources_;  // by version
    Options options_;
    std::map<std::string, std::string> compilers_;  // versions, by architecture
};

/// Groups kernels by what they can share: the later ones of a group start from the objects of its
/// first, so they are built one after the other; two groups can be built at the same time.
/// @return the groups, as indices into @p specs, all in the order of @p specs
[[nodiscard]] std::vector<std::vector<std::size_t>> group_builds(
    const std::vector<KernelSpec>& specs);

/// @return an error that names the programs of a kernel build that are missing, and their packages
[[nodiscard]] Result<void> check_build_tools();

/// Whether a line of make's output is a step that Progress counts: "  CC      kernel/fork.o".
[[nodiscard]] bool is_object_line(std::string_view line);

/// The line of make's output that says best why it failed: no space, the first compiler error, or
/// the last line.
[[nodiscard]] std::string explain_build_failure(std::string_view output);

/// How many objects of a build directory depend on one of these files of the source.
[[nodiscard]] std::size_t count_dependents(const std::filesystem::path& objects,
                                           const std::set<std::string>& touched);

}  // namespace relfence::lab
