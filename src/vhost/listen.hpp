// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <relfence/base/error.hpp>
#include <relfence/base/unique_fd.hpp>

namespace relfence::vhost {

/// A stream socket, not blocking, that listens at @p path. One that nobody listens on any more is
/// replaced; who closes it unlinks the path.
/// @return an error when the path is too long, in use or cannot be made
[[nodiscard]] Result<UniqueFd> listen_on(const std::string& path);

}  // namespace relfence::vhost
