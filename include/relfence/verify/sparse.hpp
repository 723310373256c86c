// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include <relfence/base/error.hpp>
#include <relfence/lab/cache.hpp>
#include <relfence/verify/gate.hpp>

namespace relfence::verify {

/// The sparse for one source, or why there is none.
struct Sparse {
    std::string program;  ///< for make's CHECK; empty: the source accepts none that is to be had
    std::string version;  ///< "0.6.4"
    std::string trouble;  ///< why none, in one line
};

/// Finds a sparse that a source accepts: the installed one, one that an earlier call has built, or
/// else the newest of Debian, which it fetches as a source (the package of unstable wants a newer
/// libc) and builds into the cache, without root rights and without a change to the machine.
///
/// Linux 7.2 and 7.3 do not run a sparse that does not know __typeof_unqual__, as 0.6.4 of Debian
/// 12 (scripts/checker-valid.sh); the source's own script decides here, too.
/// @param subject whose source is meant; the program stays in its scratch directory
/// @param note    told one line before each step that takes time
/// @return an error if it was interrupted or the source's script cannot run. No network, no
///         compiler or nothing newer is no error: `trouble` says so
[[nodiscard]] Result<Sparse> choose_sparse(const Subject& subject, const lab::Cache& cache,
                                           const std::function<void(const std::string&)>& note);

}  // namespace relfence::verify
