// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/lab/architecture.hpp>
#include <relfence/lab/process.hpp>

namespace relfence::lab {

/// Symbols and their values, "n" for "is not set".
using ConfigSymbols = std::map<std::string, std::string, std::less<>>;

/// Reads a .config or a fragment of one.
[[nodiscard]] ConfigSymbols parse_config(std::string_view text);

/// One symbol that Kconfig did not grant.
struct ConfigMismatch {
    std::string symbol;
    std::string wanted;
    std::string got;
};

/// What was asked for and is not so. A symbol that is absent counts as "n".
[[nodiscard]] std::vector<ConfigMismatch> config_mismatches(const ConfigSymbols& wanted,
                                                            const ConfigSymbols& got);

/// Writes tree/build/.config: allnoconfig plus the fragments, by the kernel's own merge_config.sh.
/// @return an error that names the symbols that the tree did not grant, since a kernel without a
///         driver or without lockdep would give results that look fine and mean nothing
[[nodiscard]] Result<void> configure_kernel(const std::filesystem::path& tree,
                                            const Architecture& architecture,
                                            const std::vector<std::filesystem::path>& fragments,
                                            const Interrupts* interrupts);

}  // namespace relfence::lab
