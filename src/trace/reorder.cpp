// SPDX-License-Identifier: MIT
#include <algorithm>
#include <utility>

#include <relfence/trace/reorder.hpp>

namespace relfence::trace {

void Reorder::add(Event event, const std::function<void(const Event&)>& feed) {
    newest_ = std::max(newest_, event.time);
    const std::uint64_t time = event.time;
    waiting_.emplace(time, std::move(event));
    while (!waiting_.empty() && waiting_.begin()->first + window_ < newest_) {
        feed(waiting_.begin()->second);
        waiting_.erase(waiting_.begin());
    }
}

void Reorder::flush(const std::function<void(const Event&)>& feed) {
    for (const auto& [time, event] : waiting_) feed(event);
    waiting_.clear();
}

}  // namespace relfence::trace
