// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdio>

#include <fmt/ranges.h>

#include <relfence/lab/build_progress.hpp>

namespace relfence::lab {

BuildProgress::BuildProgress()
    : make_line_{[](const std::string& title, std::size_t expected) {
          return std::make_unique<Progress>(title, "objects", expected);
      }} {}

std::size_t BuildProgress::add(const std::string& name, std::size_t expected) {
    const std::scoped_lock guard{mutex_};
    builds_.push_back({name, name, expected});
    return builds_.size() - 1;
}

void BuildProgress::start(std::size_t build) {
    const std::scoped_lock guard{mutex_};
    builds_[build].state = State::running;
    show();
}

void BuildProgress::expect(std::size_t build, const std::string& title, std::size_t expected) {
    const std::scoped_lock guard{mutex_};
    builds_[build].title = title;
    builds_[build].expected = expected;
    show();
}

void BuildProgress::step(std::size_t build) {
    const std::scoped_lock guard{mutex_};
    ++builds_[build].done;
    show();
}

std::size_t BuildProgress::end(std::size_t build) {
    const std::scoped_lock guard{mutex_};
    builds_[build].state = State::ended;
    show();
    return builds_[build].done;
}

void BuildProgress::tick() {
    const std::scoped_lock guard{mutex_};
    if (line_) line_->tick();
}

void BuildProgress::say(std::string_view text) {
    const std::scoped_lock guard{mutex_};
    if (line_)
        line_->say(text);
    else
        fmt::print(stderr, "{}\n", text);
}

void BuildProgress::clear() {
    const std::scoped_lock guard{mutex_};
    if (line_) line_->finish();
}

void BuildProgress::show() {
    ProgressState all;
    std::vector<std::string> running;
    for (const auto& build : builds_) {
        all.done += build.done;
        all.expected +=
            build.state == State::ended ? build.done : std::max(build.done, build.expected);
        if (build.state != State::running) continue;
        running.push_back(build.name);
        all.title = build.title;
    }
    // What several start from has no room in a line.
    if (running.size() > 1) all.title = fmt::format("{}", fmt::join(running, ", "));
    if (all.title.empty()) return;
    if (!line_)
        line_ = make_line_(all.title, all.expected);
    else
        line_->set(all.title, all.done, all.expected);
}

}  // namespace relfence::lab
