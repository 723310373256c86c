// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <relfence/trace/findings.hpp>
#include <relfence/trace/model.hpp>
#include <relfence/trace/timeline.hpp>

namespace relfence::trace {

/// What following took from the machine, without start and end. Times in ns.
struct Cost {
    Time followed = 0;   ///< for how long events came; 0: a recording was read
    Time awake = 0;      ///< did not sleep; what others took from it meanwhile is in it
    Time processor = 0;  ///< ran (CLOCK_PROCESS_CPUTIME_ID)
    Time kernel = 0;     ///< of that, in the kernel; a guess from ticks on most kernels (getrusage)
    std::uint64_t wakeups = 0;
    std::uint64_t reads = 0;  ///< of ring buffers, also those that found nothing
    std::uint64_t bytes = 0;  ///< that these gave
};

/// What was traced, for the head of what is written.
struct Run {
    std::string kernel;   ///< uname -r; empty: not known
    std::string command;  ///< that was started; empty: whatever ran
    Cost cost{};
};

/// A trace for programs: queues with their frames, findings, counts. Times are ns since the trace
/// began.
[[nodiscard]] std::string to_json(const Model& model, const std::vector<Finding>& findings,
                                  const Run& run);
/// A trace that the Perfetto UI opens: Chrome's JSON with one track for each queue, buffer and
/// consumer, and a flow from each fence's signal to who waited for it.
[[nodiscard]] std::string to_perfetto(const Timeline& timeline);
/// One page with findings and the timeline. Needs no network and nothing beside it.
[[nodiscard]] std::string to_html(const Timeline& timeline, const std::vector<Finding>& findings,
                                  const Model& model, const Run& run);

/// The live table: one line for each queue, then the latest findings.
/// @param columns,rows of the terminal; nothing is wider or longer
[[nodiscard]] std::vector<std::string> table(const Model& model, std::size_t columns,
                                             std::size_t rows);
/// Findings as lines, "wrong: " in front of what went wrong.
[[nodiscard]] std::string to_text(const std::vector<Finding>& findings, bool colour);

}  // namespace relfence::trace
