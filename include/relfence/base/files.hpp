// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <relfence/base/error.hpp>

namespace relfence {

/// The whole content of a file. Fails as read(2) does, for a directory with EISDIR.
[[nodiscard]] Result<std::string> read_file(const std::filesystem::path& path);

/// Writes a file so that it is there as a whole or not at all: a temporary beside it, synced, then
/// renamed. A full disk leaves what was there before.
[[nodiscard]] Result<void> write_file(const std::filesystem::path& path, std::string_view bytes);

}  // namespace relfence
