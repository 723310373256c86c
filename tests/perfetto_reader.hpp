// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace relfence::perfetto {

/// What Perfetto's trace processor would keep of a trace in Chrome's JSON, and what it would drop
/// or complain of, each under the name that its table `stats` has for it. Only what our traces use.
///
/// Written after its rules, since it cannot be had here: events are taken in the order of time,
/// each time as whole nanoseconds; "s" and "f" belong to the innermost slice that is open on their
/// thread then, and a flow is known by category, name and id. Stricter in one thing: a slice takes
/// no arrow after its end, where Perfetto lets it have those that come before the next slice.
/// Source: src/trace_processor/importers/json/json_trace_tokenizer.cc and json_trace_parser.cc,
/// importers/common/flow_tracker.cc and slice_tracker.cc.
struct Reader {
    struct Slice {
        std::string name;
        std::string category;
        std::int64_t begin = 0;
        std::int64_t end = 0;
        std::pair<int, int> thread;
    };
    /// An arrow, by the slices that it begins and ends in.
    struct Flow {
        Slice from;
        Slice to;
    };
    std::vector<Slice> slices;
    std::vector<Flow> flows;
    std::map<std::string, unsigned> stats;

    explicit Reader(const nlohmann::json& trace) {
        std::vector<const nlohmann::json*> events;
        for (const nlohmann::json& event : trace.at("traceEvents"))
            if (event.at("ph") != "M") events.push_back(&event);
        std::ranges::stable_sort(events, {},
                                 [](const nlohmann::json* event) { return time(*event, "ts"); });
        for (const nlohmann::json* const event : events) take(*event);
    }

  private:
    static std::int64_t time(const nlohmann::json& event, const char* key) {
        return std::llround(event.at(key).get<double>() * 1000.0);
    }

    void take(const nlohmann::json& event) {
        const std::int64_t now = time(event, "ts");
        const std::pair<int, int> thread{event.at("pid"), event.at("tid")};
        std::vector<Slice>& open = open_[thread];
        while (!open.empty() && open.back().end <= now) open.pop_back();
        const std::string phase = event.at("ph");
        if (phase == "X") {
            const Slice slice{event.at("name"), event.at("cat"), now, now + time(event, "dur"),
                              thread};
            if (!open.empty() && slice.end > open.back().end)
                ++stats["slice_spill_overlapping_complete_event"];
            else
                open.push_back(slice);
            slices.push_back(slice);
            return;
        }
        const Key key{event.at("cat"), event.at("name"), event.at("id")};
        if (phase == "f" && event.value("bp", "") != "e") {
            ++stats["ends at the next slice"];  // no error of Perfetto's; ours end where they are
        } else if (open.empty()) {
            ++stats["flow_no_enclosing_slice"];
        } else if (phase == "s") {
            if (!begun_.emplace(key, open.back()).second) ++stats["flow_duplicate_id"];
        } else if (phase == "f") {
            const auto from = begun_.find(key);
            if (from == begun_.end())
                ++stats["flow_end_without_start"];
            else
                flows.push_back({from->second, open.back()});
        } else {
            ++stats["a phase that our traces do not have: " + phase];
        }
    }

    using Key = std::tuple<std::string, std::string, int>;
    std::map<std::pair<int, int>, std::vector<Slice>> open_;
    std::map<Key, Slice> begun_;
};

}  // namespace relfence::perfetto
