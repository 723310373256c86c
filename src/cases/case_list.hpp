// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <map>
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
    /// By driver: the arguments of relfence-board for the hardware that it needs; none for those
    /// that need none.
    std::map<std::string, std::vector<std::string>> boards{};
    /// For the guest's command line.
    std::vector<std::string> kernel_arguments{};
};

/// The cases that look at frames, in the order in which they should run: the one that may end in a
/// lockdep report comes last, since lockdep watches no longer after it.
[[nodiscard]] const std::vector<Case>& all_cases();

}  // namespace relfence::cases
