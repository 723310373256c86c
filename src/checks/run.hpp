// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "checks/check.hpp"
#include "jobs/workload.hpp"

namespace relfence::checks {

/// What is to be done.
struct Plan {
    std::vector<const Check*> checks;
    bool strict = false;  ///< a warning is a failure
};

/// One check on one device with one kind of work.
struct Row {
    const Check* check = nullptr;
    Finding finding;
    std::chrono::milliseconds time{0};
};

/// All checks on one device with one kind of work.
struct Section {
    std::string device;  ///< "/dev/video2"
    std::string driver;
    std::string card;
    std::string role;    ///< "stateless decoder"
    std::string stream;  ///< what it was given to do; empty when there is nothing
    std::vector<Row> rows;
};

struct Counts {
    unsigned pass = 0;
    unsigned fail = 0;
    unsigned warn = 0;
    unsigned skip = 0;
    unsigned error = 0;
};
[[nodiscard]] Counts count(const std::vector<Section>& sections);

/// 0 nothing that was tested failed, warnings or not; 1 a check failed, 2 a check could not do its
/// work, 77 nothing was tested.
[[nodiscard]] int exit_code(const Counts& counts);

/// The checks whose names fit a shell pattern. @param glob "imported-*"; empty: all
[[nodiscard]] std::vector<const Check*> choose(const std::vector<std::string>& globs);

/// Runs one check in a process of its own, so that a driver that holds it, or a kernel that oopses,
/// ends the check and no more.
/// @param stuck set when the process stays behind, and with it the device
[[nodiscard]] Row run_check(const Check& check, const Subject& subject, bool& stuck);

/// Runs checks on all kinds of work that a device can be given. When the device turns out to be
/// busy, or goes while it is checked, one check ends in an error and the others are skipped.
/// @param begin is told of each section before it runs @param step of each row when it is known
[[nodiscard]] std::vector<Section> check_device(const devices::VideoDevice& device,
                                                const Plan& plan,
                                                const std::function<void(const Section&)>& begin,
                                                const std::function<void(const Row&)>& step);

}  // namespace relfence::checks
