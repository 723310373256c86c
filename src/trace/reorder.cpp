// SPDX-License-Identifier: MIT
#include <algorithm>
#include <limits>

#include <relfence/trace/reorder.hpp>

namespace relfence::trace {

void Reorder::release(std::uint64_t until, const std::function<void(const Event&)>& feed) {
    const auto earlier = [](const Event& a, const Event& b) { return a.time < b.time; };
    // As one processor gives them, and as they were left here.
    if (!std::ranges::is_sorted(waiting_, earlier)) std::ranges::stable_sort(waiting_, earlier);
    auto next = waiting_.begin();
    for (; next != waiting_.end() && next->time < until; ++next) feed(*next);
    waiting_.erase(waiting_.begin(), next);
}

void Reorder::flush(const std::function<void(const Event&)>& feed) {
    release(std::numeric_limits<std::uint64_t>::max(), feed);
}

}  // namespace relfence::trace
