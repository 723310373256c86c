// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <relfence/base/error.hpp>

namespace relfence::lab {

/// The whole content of a file.
[[nodiscard]] Result<std::string> read_file(const std::filesystem::path& path);
/// Writes a file so that it is there as a whole or not at all: a temporary beside it, synced, then
/// renamed. A full disk leaves what was there before.
[[nodiscard]] Result<void> write_file(const std::filesystem::path& path, std::string_view bytes);
/// mkdir -p.
[[nodiscard]] Result<void> make_directories(const std::filesystem::path& path);
/// rename(2), for directories too.
[[nodiscard]] Result<void> move_path(const std::filesystem::path& from,
                                     const std::filesystem::path& to);
/// SHA-256 of a text, in hex.
[[nodiscard]] Result<std::string> hash_text(const std::string& text);
/// SHA-256 of each file, in hex, in the order given. Done by sha256sum, which uses the processor's
/// instructions for it; a hash of our own would be slower and one more thing to be wrong.
[[nodiscard]] Result<std::vector<std::string>> hash_files(
    const std::vector<std::filesystem::path>& files);

}  // namespace relfence::lab
