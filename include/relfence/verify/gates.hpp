// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include <relfence/lab/cache.hpp>
#include <relfence/lab/kernel_list.hpp>
#include <relfence/verify/gate.hpp>
#include <relfence/verify/sparse.hpp>

namespace relfence::verify {

/// `git am` of each patch on the files that the patches touch, then the whole of them reversed:
/// what is left must be the base. A conflict names patch, file and hunk.
[[nodiscard]] GateResult check_applies(const Subject& subject);

/// checkpatch.pl --strict of the tree, without what tests/series/checkpatch.allowed lists.
[[nodiscard]] GateResult check_style(const Subject& subject);

/// kernel-doc over the files that the patches touch: nothing new against the base.
[[nodiscard]] GateResult check_kernel_doc(const Subject& subject);

/// Applies patch by patch and builds after each, with W=1: first the objects that the review asked
/// for, then the directories of the drivers. Then sparse over the base and over the whole.
/// @param sparse the one to check with; nothing: that gate is not wanted
/// @return builds, W=1, and sparse if it is wanted
[[nodiscard]] std::vector<GateResult> check_builds(const Subject& subject,
                                                   const std::optional<Sparse>& sparse);

/// Builds the kernel, boots it, runs its KUnit suites and the lab's cases.
/// @param source of the kernel when it is not the usual one of its version; may be empty
/// @param gates  "kunit", "cases": those whose results are wanted
[[nodiscard]] std::vector<GateResult> check_lab(const Subject& subject, const lab::KernelSpec& spec,
                                                const lab::Cache& cache,
                                                const std::filesystem::path& source,
                                                const std::set<std::string>& gates);

}  // namespace relfence::verify
