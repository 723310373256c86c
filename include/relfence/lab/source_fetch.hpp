// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <relfence/base/error.hpp>
#include <relfence/lab/cache.hpp>
#include <relfence/lab/process.hpp>

namespace relfence::lab {

/// Fetches Debian's linux-source package of a series into the cache, from backports or unstable if
/// need be, without root rights and without a change to the machine's own list of sources: apt-get
/// works with a list of its own, which names the mirror that the machine uses.
/// @param version a series, "7.3", or one release of it, "7.3.4"
/// @param note    told one line before each step that takes time
/// @return the tarball in the cache, which has replaced the one that was there; an error that says
///         what is missing: apt-get, a mirror, the network, such a package
[[nodiscard]] Result<std::filesystem::path> fetch_source(
    const Cache& cache, const std::string& version, const Interrupts* interrupts,
    const std::function<void(const std::string&)>& note);

/// "7.3" of "7.3.4" or "7.3". @return an error for what is neither
[[nodiscard]] Result<std::string> series_of(const std::string& version);

/// The newest version in what `apt-cache madison` prints that is of this upstream release, or of
/// any for a mere series; empty if there is none.
[[nodiscard]] std::string choose_package(std::string_view madison, const std::string& version);

}  // namespace relfence::lab
