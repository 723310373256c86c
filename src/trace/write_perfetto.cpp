// SPDX-License-Identifier: MIT
#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>

#include <relfence/trace/writers.hpp>

namespace relfence::trace {
namespace {

using Chrome = nlohmann::json;

/// Chrome's unit is the microsecond.
double microseconds(Time begin, Time time) {
    return static_cast<double>(time > begin ? time - begin : 0) / 1e3;
}

/// Each group of lanes is a process of the trace, each lane a thread in it.
struct Place {
    int process = 0;
    int thread = 0;
};

std::vector<Place> name_tracks(const Timeline& timeline, Chrome& events) {
    std::vector<Place> places;
    std::map<std::string, int> processes;
    int thread = 0;
    for (const Lane& lane : timeline.lanes) {
        const auto [at, fresh] =
            processes.try_emplace(lane.group, static_cast<int>(processes.size()) + 1);
        const int process = at->second;
        if (fresh) {
            events.push_back({{"ph", "M"},
                              {"name", "process_name"},
                              {"pid", process},
                              {"args", {{"name", lane.group}}}});
            events.push_back({{"ph", "M"},
                              {"name", "process_sort_index"},
                              {"pid", process},
                              {"args", {{"sort_index", process}}}});
        }
        events.push_back({{"ph", "M"},
                          {"name", "thread_name"},
                          {"pid", process},
                          {"tid", ++thread},
                          {"args", {{"name", lane.name}}}});
        events.push_back({{"ph", "M"},
                          {"name", "thread_sort_index"},
                          {"pid", process},
                          {"tid", thread},
                          {"args", {{"sort_index", thread}}}});
        places.push_back({process, thread});
    }
    return places;
}

/// A time inside a slice of this lane: a flow belongs to the slice that it begins or ends in, and
/// the end of a slice is not in it any more.
Time inside(const Lane& lane, Time time) {
    for (const Slice& slice : lane.slices)
        if (slice.begin <= time && time <= slice.end && slice.begin < slice.end)
            return std::min(time, slice.end - 1);
    return time;
}

}  // namespace

std::string to_perfetto(const Timeline& timeline) {
    Chrome events = Chrome::array();
    const std::vector<Place> places = name_tracks(timeline, events);
    for (std::size_t i = 0; i < timeline.lanes.size(); ++i)
        for (const Slice& slice : timeline.lanes[i].slices) {
            Chrome event{{"ph", "X"},
                         {"name", timeline.lanes[i].queue ? "frame " + slice.name : slice.name},
                         {"cat", name(slice.look)},
                         {"pid", places[i].process},
                         {"tid", places[i].thread},
                         {"ts", microseconds(timeline.begin, slice.begin)},
                         {"dur", microseconds(slice.begin, slice.end)}};
            for (const auto& [key, value] : slice.details) event["args"][key] = value;
            events.push_back(std::move(event));
        }
    int flow = 0;
    for (const Arrow& arrow : timeline.arrows) {
        const Place from = places[arrow.from_lane];
        const Place to = places[arrow.to_lane];
        const Time begin = inside(timeline.lanes[arrow.from_lane], arrow.from);
        // A flow must not end before it begins.
        const Time end = std::max(inside(timeline.lanes[arrow.to_lane], arrow.to), begin);
        events.push_back({{"ph", "s"},
                          {"name", "fence"},
                          {"cat", "fence"},
                          {"id", ++flow},
                          {"pid", from.process},
                          {"tid", from.thread},
                          {"ts", microseconds(timeline.begin, begin)}});
        events.push_back({{"ph", "f"},
                          {"bp", "e"},
                          {"name", "fence"},
                          {"cat", "fence"},
                          {"id", flow},
                          {"pid", to.process},
                          {"tid", to.thread},
                          {"ts", microseconds(timeline.begin, end)}});
    }
    const Chrome trace{{"traceEvents", std::move(events)}, {"displayTimeUnit", "ms"}};
    return trace.dump(-1, ' ', false, Chrome::error_handler_t::replace) + "\n";
}

}  // namespace relfence::trace
