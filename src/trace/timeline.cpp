// SPDX-License-Identifier: MIT
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include <relfence/trace/timeline.hpp>

namespace relfence::trace {
namespace {

std::string after(Time begin, Time end) {
    return fmt::format("{:.3f} ms", static_cast<double>(end > begin ? end - begin : 0) / 1e6);
}

constexpr Time shortest_drought = 1'000'000;

class Painter {
  public:
    explicit Painter(const Model& model) : model_{model} {
        picture_.begin = model.first();
        picture_.end = model.last();
    }

    Timeline paint() {
        for (const Queue& queue : model_.queues()) paint_queue(queue);
        for (const Queue& queue : model_.queues())
            for (const Frame& frame : queue.frames) paint_uses(queue, frame);
        paint_waits();
        for (Lane& lane : picture_.lanes) std::ranges::stable_sort(lane.slices, {}, &Slice::begin);
        return std::move(picture_);
    }

  private:
    std::size_t lane(const std::string& group, const std::string& name, bool queue = false) {
        const auto [at, fresh] = lanes_.try_emplace({group, name}, picture_.lanes.size());
        if (fresh) picture_.lanes.push_back({group, name, queue, {}});
        return at->second;
    }

    /// A lane of this group that is free then: those who use two frames at a time get two.
    std::size_t free_lane(const std::string& group, const std::string& name, Time begin, Time end) {
        for (unsigned number = 1;; ++number) {
            const std::size_t at =
                lane(group, number == 1 ? name : fmt::format("{} {}", name, number));
            const auto& slices = picture_.lanes[at].slices;
            const bool taken = std::ranges::any_of(
                slices, [&](const Slice& slice) { return slice.begin < end && begin < slice.end; });
            if (!taken) return at;
        }
    }

    void add(std::size_t lane, Time begin, Time end, Look look, std::string name,
             std::vector<std::pair<std::string, std::string>> details = {}) {
        if (end < begin) return;
        picture_.lanes[lane].slices.push_back(
            {begin, end, look, std::move(name), std::move(details)});
    }

    void paint_queue(const Queue& queue) {
        const std::string group =
            model_.producer(queue) + (queue.capture() ? " CAPTURE" : " OUTPUT");
        // Two open files of one device are two queues.
        const std::string unique =
            group_names_.insert(group).second ? group : fmt::format("{} #{}", group, queue.id + 1);
        groups_[queue.id] = unique;
        const std::size_t frames = lane(unique, "frames", true);
        Time free = 0;
        std::map<std::uint32_t, const Frame*> turns;
        for (const Frame& frame : queue.frames) {
            // One after the other: a device works on a queue in its order.
            const Time begin =
                std::max(frame.started.value_or(frame.given.value_or(frame.queued)), free);
            const Time end = std::max(frame.finished().value_or(picture_.end), begin);
            free = end;
            add(frames, begin, end,
                !queue.capture() ? Look::input
                : frame.fence    ? Look::frame
                                 : Look::bare,
                fmt::format("{}", frame.number), details_of(queue, frame));
            if (queue.capture()) paint_buffer(unique, frame, turns[frame.index]);
            turns[frame.index] = &frame;
        }
        for (const auto& [index, last] : turns)
            if (queue.capture() && last->dequeued)
                add(lane(unique, fmt::format("buffer {}", index)), *last->dequeued, picture_.end,
                    Look::client, "client");
        // A device gives back what it wrote a moment before what it read: no drought.
        for (const Drought& dry : queue.droughts)
            if (dry.end.value_or(picture_.end) >= dry.begin + shortest_drought)
                add(lane(unique, "pool"), dry.begin, dry.end.value_or(picture_.end), Look::dry,
                    "empty");
    }

    std::vector<std::pair<std::string, std::string>> details_of(const Queue& queue,
                                                                const Frame& frame) const {
        std::vector<std::pair<std::string, std::string>> details{
            {"frame", fmt::format("{}", frame.number)},
            {"buffer", fmt::format("{}", frame.index)},
            {"queued by", model_.process(frame.queued_by)}};
        if (frame.ino != 0) details.emplace_back("dma-buf", fmt::format("inode {}", frame.ino));
        if (frame.fence)
            details.emplace_back("fence", fmt::format("{} {}:{}", queue.driver,
                                                      frame.fence->context, frame.fence->seqno));
        else if (queue.capture())
            details.emplace_back("fence", "none");
        if (frame.given && frame.finished())
            details.emplace_back("with the driver", after(*frame.given, *frame.finished()));
        if (frame.finished() && frame.dequeued)
            details.emplace_back("until dequeued", after(*frame.finished(), *frame.dequeued));
        return details;
    }

    void paint_buffer(const std::string& group, const Frame& frame, const Frame* before) {
        const std::size_t at = lane(group, fmt::format("buffer {}", frame.index));
        const std::string number = fmt::format("{}", frame.number);
        if (before != nullptr && before->dequeued)
            add(at, *before->dequeued, frame.queued, Look::client, "client");
        const Time works = frame.started.value_or(frame.given.value_or(picture_.end));
        add(at, frame.queued, works, Look::queued, "queued");
        const Time end = frame.finished().value_or(picture_.end);
        add(at, works, end, frame.fence ? Look::frame : Look::bare, number);
        if (frame.finished())
            add(at, end, frame.dequeued.value_or(picture_.end), Look::done, "done");
    }

    void paint_uses(const Queue& queue, const Frame& frame) {
        const auto finished = frame.finished();
        for (const Access& access : frame.accesses) {
            const std::string group =
                access.use == Use::device ? access.by : model_.process(access.pid);
            const std::string lane_name{name(access.use)};
            const bool early = access.granted && finished && frame.given &&
                               *access.granted < *finished && access.use != Use::fence;
            const bool waits = access.use == Use::poll || access.use == Use::sync_file;
            Time end = access.ended.value_or(access.granted.value_or(picture_.end));
            if (access.use == Use::fence && access.fence)
                if (const Fence* const fence = model_.fence(*access.fence))
                    end = fence->signaled.value_or(picture_.end);
            // Longer than nothing, so that it can be seen and an arrow has where to go.
            end = std::max(end, access.asked + 1000);
            const std::size_t at = free_lane(group, lane_name, access.asked, end);
            std::vector<std::pair<std::string, std::string>> details{
                {"frame", fmt::format("{} of {}", frame.number, groups_[queue.id])}};
            if (access.granted)
                details.emplace_back("waited", after(access.asked, *access.granted));
            if (early) details.emplace_back("too early by", after(*access.granted, *finished));
            add(at, access.asked, end,
                early   ? Look::early
                : waits ? Look::wait
                        : Look::use,
                fmt::format("{} {}", lane_name, frame.number), std::move(details));
            // It waited over the signal: the signal is what woke it.
            if (frame.signaled && access.granted && access.asked < *frame.signaled &&
                *access.granted >= *frame.signaled)
                picture_.arrows.push_back({lanes_.at({groups_[queue.id], "frames"}),
                                           *frame.signaled, at, *access.granted});
        }
    }

    /// Who slept in dma_fence_wait(), for fences of producers and of others.
    void paint_waits() {
        std::map<FenceId, std::pair<const Queue*, const Frame*>> owners;
        for (const Queue& queue : model_.queues())
            for (const Frame& frame : queue.frames)
                if (frame.fence) owners[*frame.fence] = {&queue, &frame};
        for (const auto& [id, fence] : model_.fences())
            for (const Wait& wait : fence.waits) {
                const Time end = std::max(wait.end.value_or(picture_.end), wait.begin + 1000);
                const std::size_t at =
                    free_lane(model_.process(wait.pid), "dma_fence_wait", wait.begin, end);
                const auto owner = owners.find(id);
                add(at, wait.begin, end, Look::wait,
                    owner != owners.end() ? fmt::format("wait {}", owner->second.second->number)
                                          : fmt::format("wait {}", fence.driver),
                    {{"fence", fmt::format("{} {} {}:{}", fence.driver, fence.timeline, id.context,
                                           id.seqno)}});
                if (owner != owners.end() && fence.signaled && *fence.signaled >= wait.begin)
                    picture_.arrows.push_back(
                        {lanes_.at({groups_[owner->second.first->id], "frames"}), *fence.signaled,
                         at, end});
            }
    }

    const Model& model_;
    Timeline picture_;
    std::map<std::pair<std::string, std::string>, std::size_t> lanes_;
    std::map<std::size_t, std::string> groups_;
    std::set<std::string> group_names_;
};

}  // namespace

std::string_view name(Look look) {
    switch (look) {
        case Look::frame:
            return "frame";
        case Look::bare:
            return "bare";
        case Look::input:
            return "input";
        case Look::queued:
            return "queued";
        case Look::done:
            return "done";
        case Look::client:
            return "client";
        case Look::wait:
            return "wait";
        case Look::use:
            return "use";
        case Look::early:
            return "early";
        case Look::dry:
            return "dry";
    }
    return "";
}

std::size_t Timeline::frames() const {
    std::size_t count = 0;
    for (const Lane& lane : lanes) count += lane.queue ? lane.slices.size() : 0;
    return count;
}

Timeline draw(const Model& model) {
    return Painter{model}.paint();
}

}  // namespace relfence::trace
