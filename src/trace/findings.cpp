// SPDX-License-Identifier: MIT
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <relfence/trace/findings.hpp>

namespace relfence::trace {
namespace {

double in_ms(Time time) {
    return static_cast<double>(time) / 1e6;
}

/// Whether this use reads what is in the buffer, as opposed to asking for it.
bool reads(const Access& access) {
    return access.use == Use::cpu_read || access.use == Use::display ||
           // The job of another device is over, so it has read.
           (access.use == Use::device && access.ended);
}

std::string reader(const Model& model, const Access& access) {
    if (access.use == Use::device) return access.by;
    if (access.use == Use::display) return "the display for " + model.process(access.pid);
    return model.process(access.pid);
}

/// The verb for what happened too early; "" for what is no use of a frame's content.
std::string_view verb(const Access& access, bool sure) {
    switch (access.use) {
        case Use::poll:
            return "was told by poll() that the frame is ready";
        case Use::sync_file:
            return "was told by a sync_file that the frame is ready";
        case Use::cpu_read:
            return "read";
        case Use::device:
            return sure ? "read" : "was given the frame to read";
        case Use::display:
            return "showed the frame";
        default:
            return "";
    }
}

/// Findings of one kind about one consumer become one sentence.
struct Group {
    Verdict verdict{};
    std::string who;
    std::string verb;
    std::vector<std::uint64_t> frames;
    double worst = 0;

    void add(std::uint64_t frame, double milliseconds) {
        if (frames.empty() || frames.back() != frame) frames.push_back(frame);
        worst = std::max(worst, milliseconds);
    }
};

class Groups {
  public:
    Group& at(Verdict verdict, const std::string& who, std::string_view verb) {
        for (Group& group : groups_)
            if (group.verdict == verdict && group.who == who && group.verb == verb) return group;
        return groups_.emplace_back(Group{verdict, who, std::string{verb}, {}, 0});
    }
    [[nodiscard]] const std::vector<Group>& all() const { return groups_; }

  private:
    std::vector<Group> groups_;
};

std::string frames_of(const Group& group) {
    return fmt::format("{} {}", group.frames.size() == 1 ? "frame" : "frames",
                       list_frames(group.frames));
}

std::string up_to(const Group& group) {
    return fmt::format("{}{:.1f} ms", group.frames.size() == 1 ? "" : "up to ", group.worst);
}

void find_early(const Model& model, const Frame& frame, Groups& groups) {
    const auto finished = frame.finished();
    // Only what the driver had may be unfinished.
    if (!finished || !frame.given) return;
    for (const Access& access : frame.accesses) {
        if (!access.granted || *access.granted >= *finished) continue;
        // A reading device certainly read too early when its whole job was over too early.
        const bool sure = access.use != Use::device || (access.ended && *access.ended < *finished);
        const std::string_view what = verb(access, sure);
        if (what.empty()) continue;
        groups
            .at(sure && reads(access) ? Verdict::read_early : Verdict::told_early,
                reader(model, access), what)
            .add(frame.number, in_ms(*finished - *access.granted));
    }
}

/// When a use was over; none while it lasts.
std::optional<Time> end_of(const Model& model, const Access& access) {
    if (access.use != Use::fence) return access.ended;
    if (!access.fence) return access.asked;
    const Fence* const fence = model.fence(*access.fence);
    return fence != nullptr ? fence->signaled : access.asked;
}

void find_requeued(const Model& model, const Frame& before, const Frame& frame, Groups& groups) {
    for (const Access& access : before.accesses) {
        const bool lasts =
            access.use == Use::fence ||
            ((access.use == Use::cpu_read || access.use == Use::device) && access.granted);
        if (!lasts) continue;
        const auto end = end_of(model, access);
        if (end && *end <= frame.queued) continue;
        // The driver waited for the reader before it wrote: nothing was lost.
        if (end && frame.started && *frame.started >= *end) continue;
        const Time until = end.value_or(model.last());
        const std::string who =
            access.use == Use::fence
                ? fmt::format("{}'s fence ({})", model.process(access.pid), access.by)
                : reader(model, access);
        groups.at(Verdict::requeued, who, access.use == Use::fence ? "was pending" : "still read")
            .add(frame.number, in_ms(until > frame.queued ? until - frame.queued : 0));
    }
}

void find_droughts(const Model& model, const Queue& queue, Time drought,
                   std::vector<Finding>& findings) {
    for (const Drought& dry : queue.droughts) {
        const Time end = dry.end.value_or(model.last());
        if (end < dry.begin || end - dry.begin < drought) continue;
        Finding finding;
        finding.verdict = Verdict::pool_empty;
        finding.queue = queue.name(model.devices());
        finding.milliseconds = in_ms(end - dry.begin);
        finding.who = fmt::format("{}", fmt::join(dry.holders, ", "));
        finding.text = fmt::format("{}: pool of {} empty for {:.0f} ms{}", finding.queue, dry.pool,
                                   finding.milliseconds, dry.end ? "" : ", until the end");
        if (!finding.who.empty()) finding.text += ", held by " + finding.who;
        findings.push_back(std::move(finding));
    }
}

void find_fences(const Model& model, const Queue& queue, std::vector<Finding>& findings) {
    std::vector<std::uint64_t> exported;
    std::vector<std::uint64_t> fenced;
    std::size_t finished = 0;
    std::set<std::string> waiters;
    for (const Frame& frame : queue.frames) {
        finished += frame.done ? 1U : 0U;
        if (!frame.fence) continue;
        fenced.push_back(frame.number);
        if (const Fence* const fence = model.fence(*frame.fence))
            for (const Wait& wait : fence->waits) waiters.insert(model.process(wait.pid));
        for (const Access& access : frame.accesses)
            if (access.granted && frame.signaled && access.asked < *frame.signaled &&
                *access.granted >= *frame.signaled)
                waiters.insert(reader(model, access));
    }
    if (finished == 0) return;
    Finding finding;
    finding.verdict = Verdict::fences;
    finding.queue = queue.name(model.devices());
    finding.frames = fenced;
    finding.who = fmt::format("{}", fmt::join(waiters, ", "));
    finding.text = fenced.empty()
                       ? fmt::format("{}: none of {} finished frames had a fence of its producer",
                                     finding.queue, finished)
                       : fmt::format("{}: {} of {} finished frames had a fence of {}",
                                     finding.queue, fenced.size(), finished, queue.driver);
    if (!waiters.empty()) finding.text += ", waited for by " + finding.who;
    findings.push_back(std::move(finding));
}

void find_in_queue(const Model& model, const Queue& queue, Time drought,
                   std::vector<Finding>& findings) {
    Groups groups;
    std::map<std::uint32_t, const Frame*> turns;
    for (const Frame& frame : queue.frames) {
        find_early(model, frame, groups);
        const Frame*& before = turns[frame.index];
        if (before != nullptr) find_requeued(model, *before, frame, groups);
        before = &frame;
    }
    const std::string name = queue.name(model.devices());
    for (const Group& group : groups.all()) {
        Finding finding{group.verdict, {}, name, group.who, group.frames, group.worst};
        finding.text =
            group.verdict == Verdict::requeued
                ? fmt::format("{}: {}: queued again while {} {} ({})", name, frames_of(group),
                              group.who, group.verb, up_to(group))
                : fmt::format("{}: {}: {} {} {} before {} finished", name, frames_of(group),
                              group.who, group.verb, up_to(group), model.producer(queue));
        findings.push_back(std::move(finding));
    }
    find_droughts(model, queue, drought, findings);
    find_fences(model, queue, findings);
}

}  // namespace

std::string_view name(Verdict verdict) {
    switch (verdict) {
        case Verdict::read_early:
            return "read-early";
        case Verdict::told_early:
            return "told-early";
        case Verdict::requeued:
            return "requeued";
        case Verdict::pool_empty:
            return "pool-empty";
        case Verdict::fences:
            return "fences";
        case Verdict::lost:
            return "lost";
        case Verdict::trouble:
            return "trouble";
    }
    return "";
}

std::string list_frames(const std::vector<std::uint64_t>& frames) {
    constexpr std::size_t most = 12;
    std::vector<std::string> ranges;
    std::size_t named = 0;
    for (std::size_t i = 0; i < frames.size() && ranges.size() < most;) {
        std::size_t last = i;
        while (last + 1 < frames.size() && frames[last + 1] == frames[last] + 1) ++last;
        ranges.push_back(last == i ? fmt::format("{}", frames[i])
                                   : fmt::format("{}-{}", frames[i], frames[last]));
        named += last - i + 1;
        i = last + 1;
    }
    std::string text = fmt::format("{}", fmt::join(ranges, ", "));
    if (named < frames.size()) text += fmt::format(" and {} more", frames.size() - named);
    return text;
}

std::vector<Finding> find(const Model& model, Time drought) {
    std::vector<Finding> findings;
    for (const Queue& queue : model.queues())
        if (queue.capture()) find_in_queue(model, queue, drought, findings);
    std::ranges::stable_sort(findings, {}, &Finding::verdict);
    if (model.lost() > 0)
        findings.push_back({Verdict::lost,
                            fmt::format("{} events were lost: what is missing here may have "
                                        "happened (try a larger --buffer)",
                                        model.lost()),
                            {},
                            {},
                            {},
                            0});
    if (model.strange() > 0)
        findings.push_back(
            {Verdict::trouble,
             fmt::format("{} events fit no buffer: it was queued before the trace began, or "
                         "events are missing",
                         model.strange()),
             {},
             {},
             {},
             0});
    for (const std::string& line : model.troubles())
        findings.push_back({Verdict::trouble, line, {}, {}, {}, 0});
    return findings;
}

}  // namespace relfence::trace
