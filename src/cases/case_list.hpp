// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cases/case.hpp"

namespace relfence::cases {

/// A case as the registry of relfence-cases wants it.
struct Case {
    std::string id;
    std::string title;
    std::string catches;  ///< which bug it catches
    std::vector<std::string> drivers;
    std::function<Outcome(const Setup&)> run;
};

/// The cases that look at frames, in the order in which they should run: the one that may end in a
/// lockdep report comes last, since lockdep watches no longer after it.
[[nodiscard]] const std::vector<Case>& all_cases();

}  // namespace relfence::cases
