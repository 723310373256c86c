// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <relfence/base/error.hpp>

namespace relfence::lab {

/// What a kernel is built for, and how. Values with static storage; any thread.
struct Architecture {
    std::string_view name;                ///< as the kernel's ARCH: "um", "arm64"
    std::string_view cross;               ///< prefix of compiler and binutils; empty: the host's
    std::string_view package;             ///< Debian's, of that compiler
    std::string_view image;               ///< what boots, in the output directory
    std::vector<std::string_view> goals;  ///< of make, for a kernel that boots

    /// "ARCH=..." and, where it is not the host's compiler, "CROSS_COMPILE=...": arguments of make,
    /// or variables of its environment.
    [[nodiscard]] std::map<std::string, std::string> variables() const;
    [[nodiscard]] std::string compiler() const { return std::string{cross} + "gcc"; }
    [[nodiscard]] std::string linker() const { return std::string{cross} + "ld"; }
};

/// User Mode Linux, which guests run on unless a kernel is for another one.
inline constexpr std::string_view native_architecture = "um";

/// @return an error that lists those there are
[[nodiscard]] Result<Architecture> find_architecture(std::string_view name);
/// @return an error that says what to install when its compiler is not there
[[nodiscard]] Result<void> check_compiler(const Architecture& architecture);

/// What a kernel was built for, from the .config beside it; User Mode Linux where there is none.
[[nodiscard]] std::string_view architecture_of(const std::filesystem::path& kernel);

/// The program that a guest on @p kernel runs in the place of @p native, one of the host's: itself
/// on User Mode Linux; on arm64 that of the same name in ../arm64/bin, which scripts/build-arm64
/// puts there.
/// @return an error that says how to build it when it is not there
[[nodiscard]] Result<std::filesystem::path> guest_program(const std::filesystem::path& native,
                                                          const std::filesystem::path& kernel);

}  // namespace relfence::lab
