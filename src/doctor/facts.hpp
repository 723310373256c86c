// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>

#include <nlohmann/json_fwd.hpp>

#include "doctor/redact.hpp"

namespace relfence::doctor {

/// Where the facts come from.
struct Sources {
    std::filesystem::path root = "/";  ///< where boot, dev, etc, proc and sys are
    Environment environment;
};

/// The environment of this process.
[[nodiscard]] Environment environment_of_process();

/// What a developer asks who is told of green frames: the system, the modules and parameters that
/// matter, the configuration of the kernel, who may open which device node, the compositor. Not
/// redacted yet.
/// @param drivers of the devices that were found: "hantro-vpu"; their modules matter too
[[nodiscard]] nlohmann::ordered_json collect_facts(const Sources& sources,
                                                   const std::vector<std::string>& drivers);

/// Facts as lines of text, indented below the names they belong to.
[[nodiscard]] std::string facts_to_text(const nlohmann::ordered_json& facts);

}  // namespace relfence::doctor
