// SPDX-License-Identifier: MIT
// lockdep-stress: everything at once, for the lock checker to watch.
#include <fmt/format.h>

#include "cases/case.hpp"
#include "cases/stress.hpp"
#include "players/player.hpp"

namespace relfence::cases {
namespace {

using namespace std::chrono_literals;

/// Short jobs, so that many begin and end while others look on; long enough to be looked at.
constexpr auto lockdep_stress_job_time = 5ms;

}  // namespace

Outcome lockdep_stress(const Setup& setup) {
    const Lockdep before = lockdep_state();
    if (before == Lockdep::absent)
        return Outcome::skip(
            fail("has no lockdep", "this kernel", "build it with PROVE_LOCKING").value());
    if (before == Lockdep::off)
        return Outcome::error(
            fail("has reported already and watches no longer", "lockdep", "see the console")
                .value());
    std::vector<players::JobTime> slow;
    for (const char* driver : {"vicodec", "visl"}) {
        auto time = players::JobTime::set(driver, lockdep_stress_job_time);
        if (!time) return Outcome::skip(time.error());
        slow.push_back(std::move(*time));
    }
    const auto report = run_stress(setup.quick ? 4s : 15s);
    if (!report) return Outcome::error(report.error());

    Outcome outcome;
    for (const auto& [name, count] : report->counts) outcome.details[name] = count;
    outcome.details["first_failure"] = report->first_failure;
    // The console has the report itself, and the lab reads it there; this is for a run without lab.
    if (lockdep_state() == Lockdep::off)
        outcome.seen = "lockdep splat";
    else
        outcome.seen = report->first_failure.empty() ? "clean" : "failures";
    return outcome;
}

}  // namespace relfence::cases
