// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

namespace relfence::lab {

/// Where a job stands: steps done of those expected, and for how long it has run.
struct ProgressState {
    std::string title;
    std::size_t done = 0;
    std::size_t expected = 0;  ///< 0: not known
    std::chrono::milliseconds elapsed{0};
};

/// The remaining time, from the pace so far; negative while nothing can be said of it: expectation
/// unknown, or less than two seconds or five steps gone.
[[nodiscard]] std::chrono::seconds remaining_time(const ProgressState& state);

/// One line for @p width columns (0: as long as it gets, without a bar): title, bar, "312/1180
/// objects", "1:40 left". A job that takes more steps than expected stays at its end, it never
/// counts backwards.
[[nodiscard]] std::string progress_line(const ProgressState& state, std::string_view unit,
                                        std::size_t width);

/// "0:07", "12:34", "1:02:03".
[[nodiscard]] std::string format_duration(std::chrono::seconds time);

/// Shows progress on stderr: one line that is rewritten on a terminal, else a plain line at the
/// start, at each further tenth, and at the end. Not thread-safe.
class Progress {
  public:
    using Clock = std::function<std::chrono::milliseconds()>;
    using Sink = std::function<void(std::string_view)>;

    /// @param unit what a step is: "objects", "cells"
    Progress(std::string title, std::string_view unit, std::size_t expected);
    /// For tests: a terminal or not, its width, the time, and where the text goes.
    Progress(std::string title, std::string_view unit, std::size_t expected, bool terminal,
             std::size_t width, Clock clock, Sink sink);
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    ~Progress();

    void step() { advance_to(state_.done + 1); }
    void advance_to(std::size_t done);
    /// Another title, and where the job stands now.
    void set(std::string title, std::size_t done, std::size_t expected);
    /// Shows the time that has gone, on a terminal.
    void tick() {
        if (terminal_) show();
    }
    /// A line of text that stays, above the progress.
    void say(std::string_view text);
    /// Takes the line away.
    void finish();

  private:
    void show();

    ProgressState state_;
    std::string unit_;
    bool terminal_;
    std::size_t width_;
    Clock clock_;
    Sink sink_;
    std::chrono::milliseconds start_;
    std::chrono::milliseconds shown_at_{-1000};
    std::size_t shown_tenth_ = 0;
    bool on_screen_ = false;
};

/// Columns of the terminal on stderr or stdout; 80 when there is none.
[[nodiscard]] std::size_t terminal_width();

}  // namespace relfence::lab
