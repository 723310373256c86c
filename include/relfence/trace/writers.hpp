// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <relfence/trace/findings.hpp>
#include <relfence/trace/model.hpp>
#include <relfence/trace/timeline.hpp>

namespace relfence::trace {

/// What was traced, for the head of what is written.
struct Run {
    std::string kernel;   ///< uname -r; empty: not known
    std::string command;  ///< that was started; empty: whatever ran
    /// While the events came: how long that was, and how much of it the tracer did not sleep.
    /// Includes what others took from it meanwhile. 0: a recording was read.
    Time followed = 0;
    Time busy = 0;
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
