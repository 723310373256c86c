// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/base/files.hpp>

namespace relfence::lab {

// Files that are the lab's affair are read by the name of the lab.
using relfence::read_file;   // NOLINT(misc-unused-using-decls)
using relfence::write_file;  // NOLINT(misc-unused-using-decls)

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
