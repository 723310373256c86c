// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace relfence::doctor {

/// Environment variables by name.
using Environment = std::map<std::string, std::string>;

/// What must not be in a report, and what stands for it there.
struct Secret {
    std::string text;
    std::string instead;  ///< "<host>"
};

/// Host name, names of people and their home directories, serial numbers and machine ids of this
/// machine, longest first.
/// @param root where etc, proc and sys are: "/"
[[nodiscard]] std::vector<Secret> find_secrets(const std::filesystem::path& root,
                                               const Environment& environment);

/// Replaces secrets, wherever no letter or digit stands beside them and whatever their case, and
/// what looks like one: home directories, MAC addresses, UUIDs, mail addresses.
[[nodiscard]] std::string redact(std::string_view text, const std::vector<Secret>& secrets);

/// Redacts every text in it, names of members too.
[[nodiscard]] nlohmann::ordered_json redact_json(const nlohmann::ordered_json& value,
                                                 const std::vector<Secret>& secrets);

}  // namespace relfence::doctor
