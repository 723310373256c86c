// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <relfence/base/error.hpp>
#include <relfence/trace/event.hpp>

namespace relfence::trace {

/// First line of a recording.
[[nodiscard]] std::string recording_header();
/// An event as one line of JSON, without the newline. Names fields that differ from Event{}.
[[nodiscard]] std::string to_line(const Event& event);
/// The event of a line. Fails for what is no JSON object, names no kind, or has a number where a
/// string belongs or the other way round.
[[nodiscard]] Result<Event> from_line(std::string_view line);

/// Feeds the events of a recording, in its order.
/// @param text the file's content
/// @param name of the file, for errors
/// A last line that was cut off is told as an event Kind::trouble; any other bad line is an error
/// that names it, and what was fed before it stays fed.
[[nodiscard]] Result<void> read_recording(std::string_view text, std::string_view name,
                                          const std::function<void(const Event&)>& feed);

/// The event that a traced program left in trace_marker (see apps/relfence-observe.cpp); nullopt
/// for a line of somebody else. Fills kind and what the line says, not time, cpu, pid.
[[nodiscard]] std::optional<Event> parse_marker(std::string_view line);

}  // namespace relfence::trace
