// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdio>
#include <sys/ioctl.h>
#include <unistd.h>

#include <fmt/format.h>

#include <relfence/lab/progress.hpp>

namespace relfence::lab {
using std::chrono::milliseconds;
using std::chrono::seconds;
namespace {

milliseconds steady_now() {
    return std::chrono::duration_cast<milliseconds>(
        std::chrono::steady_clock::now().time_since_epoch());
}

void to_stderr(std::string_view text) {
    fmt::print(stderr, "{}", text);
}

std::string count_text(const ProgressState& state, std::string_view unit) {
    if (state.expected == 0) return fmt::format("{} {}", state.done, unit);
    return fmt::format("{}/{} {}", state.done, std::max(state.done, state.expected), unit);
}

}  // namespace

std::string format_duration(seconds time) {
    const auto total = time.count();
    if (total >= 3600)
        return fmt::format("{}:{:02}:{:02}", total / 3600, total / 60 % 60, total % 60);
    return fmt::format("{}:{:02}", total / 60, total % 60);
}

seconds remaining_time(const ProgressState& state) {
    if (state.expected == 0 || state.done < 5 || state.elapsed < seconds{2}) return seconds{-1};
    if (state.done >= state.expected) return seconds{0};
    const auto left = state.expected - state.done;
    return std::chrono::ceil<seconds>(state.elapsed * static_cast<long long>(left) /
                                      static_cast<long long>(state.done));
}

std::string progress_line(const ProgressState& state, std::string_view unit, std::size_t width) {
    std::string tail = " " + count_text(state, unit);
    const seconds left = remaining_time(state);
    tail += left.count() >= 0
                ? fmt::format(", {} left", format_duration(left))
                : fmt::format(", {}", format_duration(std::chrono::floor<seconds>(state.elapsed)));
    std::string line = state.title;
    const std::size_t used = line.size() + tail.size() + 3;
    if (state.expected > 0 && used + 8 <= width) {
        const std::size_t bar = std::min<std::size_t>(width - used, 40);
        const std::size_t full = bar * std::min(state.done, state.expected) / state.expected;
        line += " [" + std::string(full, '#') + std::string(bar - full, '.') + "]";
    }
    line += tail;
    return width == 0 ? line : line.substr(0, width);
}

std::size_t terminal_width() {
    winsize size{};
    for (const int fd : {STDERR_FILENO, STDOUT_FILENO})
        if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    return 80;
}

Progress::Progress(std::string title, std::string_view unit, std::size_t expected)
    : Progress{std::move(title), unit,       expected, ::isatty(STDERR_FILENO) == 1,
               terminal_width(), steady_now, to_stderr} {}

Progress::Progress(std::string title, std::string_view unit, std::size_t expected, bool terminal,
                   std::size_t width, Clock clock, Sink sink)
    : state_{std::move(title), 0, expected, milliseconds{0}},
      unit_{unit},
      terminal_{terminal},
      width_{width},
      clock_{std::move(clock)},
      sink_{std::move(sink)},
      start_{clock_()} {
    show();
}

Progress::~Progress() {
    finish();
}

void Progress::advance_to(std::size_t done) {
    state_.done = done;
    show();
}

void Progress::set(std::string title, std::size_t done, std::size_t expected) {
    state_.title = std::move(title);
    state_.expected = expected;
    advance_to(done);
}

void Progress::show() {
    const milliseconds now = clock_();
    state_.elapsed = now - start_;
    if (terminal_) {
        // Ten times a second is all that an eye needs, and a build has hundreds of steps a second.
        if (now - shown_at_ < milliseconds{100}) return;
        shown_at_ = now;
        sink_("\r\x1b[K" + progress_line(state_, unit_, width_ - 1));
        on_screen_ = true;
        return;
    }
    const std::size_t tenth =
        state_.expected == 0 ? 0 : std::min<std::size_t>(10 * state_.done / state_.expected, 10);
    if (state_.done != 0 && tenth == shown_tenth_) return;
    shown_tenth_ = tenth;
    const std::size_t no_bar = 0;
    sink_(progress_line(state_, unit_, no_bar) + "\n");
}

void Progress::say(std::string_view text) {
    if (on_screen_) sink_("\r\x1b[K");
    sink_(fmt::format("{}\n", text));
    shown_at_ = milliseconds{-1000};
    if (terminal_) show();
}

void Progress::finish() {
    if (on_screen_) sink_("\r\x1b[K");
    on_screen_ = false;
}

}  // namespace relfence::lab
