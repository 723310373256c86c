// SPDX-License-Identifier: MIT
#include "board/machine/statistics.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace relfence::board {
namespace {

double microseconds(Nanoseconds time) {
    return std::chrono::duration<double, std::micro>(time).count();
}

std::string json_of(const Durations& durations) {
    const auto at = [&](double share) { return microseconds(durations.quantile(share)); };
    return fmt::format(
        R"({{"count": {}, "mean": {:.1f}, "min": {:.1f}, "p50": {:.1f}, "p90": {:.1f}, "p99": {:.1f}, "p99.9": {:.1f}, "max": {:.1f}}})",
        durations.count(), microseconds(durations.mean()), microseconds(durations.least()), at(0.5),
        at(0.9), at(0.99), at(0.999), microseconds(durations.most()));
}

std::string json_of(const EngineStatistics& engine) {
    return fmt::format(
        R"({{"name": "{}", "started": {}, "done": {}, "failed": {}, "aborted": {}, "first_start_us": {:.1f}, "first_end_us": {:.1f}, "last_end_us": {:.1f},
   "job_us": {},
   "interrupt_to_read_us": {}}})",
        engine.name, engine.started, engine.done, engine.failed, engine.aborted,
        microseconds(engine.first_start), microseconds(engine.first_end),
        microseconds(engine.last_end), json_of(engine.jobs), json_of(engine.interrupts));
}

}  // namespace

void Durations::add(Nanoseconds duration) {
    duration = std::max(duration, Nanoseconds{1});
    const auto step =
        static_cast<std::size_t>(std::log2(static_cast<double>(duration.count())) * steps);
    ++histogram_.at(step);
    least_ = count_ == 0 ? duration : std::min(least_, duration);
    most_ = std::max(most_, duration);
    sum_ += duration;
    ++count_;
}

Nanoseconds Durations::mean() const {
    if (count_ == 0) return {};
    return sum_ / static_cast<Nanoseconds::rep>(count_);
}

Nanoseconds Durations::quantile(double share) const {
    const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < histogram_.size(); ++i) {
        seen += histogram_[i];
        if (seen == 0 || seen < wanted) continue;
        const double end = std::exp2(static_cast<double>(i + 1) / steps);
        return std::min(Nanoseconds{std::llround(end)}, most_);
    }
    return most_;
}

Statistics::Statistics(const Description& description) {
    for (const Peripheral& device : description.peripherals)
        for (const Engine& engine : device.engines) engines_.emplace_back().name = engine.name;
}

EngineStatistics* Statistics::find(std::string_view engine) {
    const auto found = std::ranges::find(engines_, engine, &EngineStatistics::name);
    return found != engines_.end() ? &*found : nullptr;
}

void Statistics::job(std::string_view name, JobEvent event, Nanoseconds now) {
    EngineStatistics* const engine = find(name);
    if (engine == nullptr) return;
    switch (event) {
        case JobEvent::started:
            if (engine->started++ == 0) engine->first_start = now;
            engine->start = now;
            return;
        case JobEvent::aborted:
            ++engine->aborted;
            return;
        case JobEvent::done:
            ++engine->done;
            break;
        case JobEvent::failed:
            ++engine->failed;
            break;
    }
    if (engine->jobs.count() == 0) engine->first_end = now;
    engine->last_end = now;
    engine->jobs.add(now - engine->start);
}

void Statistics::interrupt(std::string_view name, Nanoseconds waited) {
    if (EngineStatistics* const engine = find(name)) engine->interrupts.add(waited);
}

std::string Statistics::json(const PlatformBus::Counters& bus, const vhost::Counters& endpoint,
                             std::uint64_t driver_bugs, Nanoseconds now) const {
    std::vector<std::string> engines;
    for (const EngineStatistics& engine : engines_) engines.push_back(json_of(engine));
    return fmt::format(
        R"({{"time_us": {:.1f}, "guests": {}, "driver_bugs": {},
 "register_reads": {}, "register_writes": {}, "kicks": {}, "calls": {}, "stale_commands": {},
 "engines": [
  {}
 ]}}
)",
        microseconds(now), endpoint.guests, driver_bugs, bus.reads, bus.writes, endpoint.kicks,
        endpoint.calls, endpoint.stale_completions, fmt::join(engines, ",\n  "));
}

}  // namespace relfence::board
