// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <relfence/base/error.hpp>
#include <relfence/sync/sync_file.hpp>

namespace relfence::sync {

/// Says which fences a sync_file holds, in words that are the same in each run: "no fence",
/// "vicodec vb2-cap-N". Several are separated by " + ".
[[nodiscard]] std::string whose(const std::vector<Fence>& fences);

/// Says what became of the fences: "active", "signalled", "signalled with EIO". The first of them
/// decides, since the cases here meet one.
[[nodiscard]] std::string state(const std::vector<Fence>& fences);

/// whose(), and state() unless there is no fence: "vim2m vb2-cap-N, active".
[[nodiscard]] std::string describe(const std::vector<Fence>& fences);

}  // namespace relfence::sync
