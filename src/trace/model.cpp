// SPDX-License-Identifier: MIT
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <relfence/trace/model.hpp>

namespace relfence::trace {
namespace {

/// Fences of videobuf2, v1 and v2 of the series: "vb2-release", "vb2-cap-3".
bool of_videobuf2(const std::string& timeline) {
    return timeline.starts_with("vb2-");
}

/// Destroyed fences that nobody waited for stay for so long, since events about them may be late.
constexpr std::size_t remembered_fences = 1000;
/// What one frame, and one dma-buf, remember at most; beyond it a trace is hostile.
constexpr std::size_t remembered_uses = 64;
constexpr std::size_t remembered_queues = 4096;
constexpr std::size_t remembered_lines = 64;
/// Owners of queues whose file is closed: above all that the source gives.
constexpr std::uint64_t retired = std::uint64_t{1} << 63;

}  // namespace

std::string_view name(Use use) {
    switch (use) {
        case Use::poll:
            return "poll";
        case Use::sync_file:
            return "sync_file";
        case Use::cpu_read:
            return "cpu read";
        case Use::cpu_write:
            return "cpu write";
        case Use::device:
            return "device";
        case Use::display:
            return "display";
        case Use::fence:
            return "fence";
    }
    return "";
}

const Frame* Queue::frame(std::uint64_t number) const {
    if (frames.empty() || number < frames.front().number || number > frames.back().number)
        return nullptr;
    return &frames[number - frames.front().number];
}

const Frame* Queue::latest(std::uint32_t index) const {
    const auto found = buffers.find(index);
    return found == buffers.end() ? nullptr : frame(found->second.number);
}

Frame* Queue::latest(std::uint32_t index) {
    return const_cast<Frame*>(std::as_const(*this).latest(index));
}

std::size_t Queue::in_driver() const {
    std::size_t busy = 0;
    for (const auto& [index, buffer] : buffers) {
        const Frame* const turn = frame(buffer.number);
        busy += turn != nullptr && !turn->done ? 1U : 0U;
    }
    return busy;
}

bool Queue::driver_has_any() const {
    return std::ranges::any_of(buffers, [&](const auto& entry) {
        const Frame* const turn = frame(entry.second.number);
        return turn != nullptr && !turn->done;
    });
}

std::string Queue::name(const std::map<int, std::string>& devices) const {
    const auto found = devices.find(minor);
    // "video1 (vicodec)" -> "video1"
    const std::string device = found != devices.end()
                                   ? found->second.substr(0, found->second.find(' '))
                               : minor >= 0 ? fmt::format("minor {}", minor)
                                            : fmt::format("device {}", id + 1);
    return device + (capture() ? " CAPTURE" : " OUTPUT");
}

const Fence* Model::fence(FenceId id) const {
    const auto found = fences_.find(id);
    return found == fences_.end() ? nullptr : &found->second;
}

std::string Model::process(int pid) const {
    const auto found = processes_.find(pid);
    return found != processes_.end() ? found->second : fmt::format("process {}", pid);
}

std::string Model::producer(const Queue& queue) const {
    const auto found = devices_.find(queue.minor);
    if (found != devices_.end()) return found->second;
    return queue.driver.empty() ? queue.name(devices_) : queue.driver;
}

bool Model::starved(Time at_least, Time after) const {
    return std::ranges::any_of(queues_, [&](const Queue& queue) {
        if (queue.droughts.empty()) return false;
        const Drought& latest = queue.droughts.back();
        const Time end = latest.end.value_or(last_);
        return end > after && end - latest.begin >= at_least;
    });
}

Queue* Model::find(std::uint64_t owner, std::uint32_t type) {
    const auto found = std::ranges::find_if(
        queues_, [&](const Queue& queue) { return queue.owner == owner && queue.type == type; });
    return found == queues_.end() ? nullptr : &*found;
}

Queue& Model::queue(std::uint64_t owner, std::uint32_t type) {
    if (Queue* const known = find(owner, type)) return *known;
    Queue fresh;
    fresh.id = queues_.size();
    fresh.owner = owner;
    fresh.type = type;
    return queues_.emplace_back(std::move(fresh));
}

Frame* Model::written(std::uint64_t ino) {
    const auto found = written_.find(ino);
    if (ino == 0 || found == written_.end()) return nullptr;
    return queues_[found->second.queue].latest(found->second.index);
}

void Model::feed(const Event& event) {
    ++events_;
    if (event.time != 0) {
        if (first_ == 0) first_ = event.time;
        last_ = std::max(last_, event.time);
    }
    switch (event.kind) {
        case Kind::vb2_qbuf:
        case Kind::vb2_buf_queue:
        case Kind::vb2_buf_done:
        case Kind::vb2_dqbuf:
            return feed_vb2(event);
        case Kind::v4l2_qbuf:
        case Kind::v4l2_dqbuf:
            return feed_v4l2(event);
        case Kind::fence_init:
        case Kind::fence_signaled:
        case Kind::fence_wait_start:
        case Kind::fence_wait_end:
        case Kind::fence_destroy:
            return feed_fence(event);
        case Kind::device:
            devices_[event.minor] = event.text;
            return;
        case Kind::holder:
            processes_[event.pid] = event.text;
            if (event.ino != 0) holders_[event.ino].insert(event.pid);
            return;
        case Kind::lost:
            lost_ += event.value > 0 ? static_cast<std::uint64_t>(event.value) : 1;
            return;
        case Kind::trouble:
            if (!event.text.empty() && troubles_.size() < remembered_lines)
                troubles_.push_back(event.text);
            return;
        default:
            return feed_call(event);
    }
}

void Model::feed_vb2(const Event& event) {
    if (event.kind == Kind::vb2_qbuf || event.kind == Kind::vb2_dqbuf)
        last_calls_[event.pid] = {event.owner, event.type, event.index};
    if (queues_.size() >= remembered_queues && find(event.owner, event.type) == nullptr) {
        ++strange_;
        return;
    }
    if (event.kind == Kind::vb2_qbuf) {
        learn_owner(event);
        Queue& queue = this->queue(event.owner, event.type);
        queue_frame(queue, event);
        return watch_pool(queue, event.time);
    }
    Queue& queue = this->queue(event.owner, event.type);
    Frame* const turn = queue.latest(event.index);
    // It was queued before the trace began, or its event was lost.
    if (turn == nullptr) {
        ++strange_;
        just_signaled_.erase(event.cpu);
        return;
    }
    switch (event.kind) {
        case Kind::vb2_buf_queue:
            if (!turn->given) turn->given = event.time;
            if (!queue.capture()) hand_to_reader(queue, *turn, event);
            break;
        case Kind::vb2_buf_done:
            if (turn->done)
                ++strange_;
            else
                finish_frame(queue, *turn, event);
            break;
        default:
            if (turn->dequeued) ++strange_;
            turn->dequeued = event.time;
            turn->dequeued_by = event.pid;
            break;
    }
    watch_pool(queue, event.time);
}

void Model::queue_frame(Queue& queue, const Event& event) {
    Frame fresh;
    fresh.number = ++queue.count;
    fresh.index = event.index;
    fresh.queued_by = event.pid;
    fresh.queued = event.time;
    Buffer& buffer = queue.buffers[event.index];
    fresh.ino = buffer.ino;
    buffer.number = fresh.number;
    if (queue.frames.size() == limit) {
        if (const auto fence = queue.frames.front().fence) fences_.erase(*fence);
        queue.frames.pop_front();
    }
    queue.frames.push_back(std::move(fresh));
}

/// What a thread said before VIDIOC_QBUF tells whose descriptor the queue belongs to.
void Model::learn_owner(const Event& event) {
    const auto said = calls_.find(event.pid);
    if (said == calls_.end()) return;
    const Event call = said->second;
    calls_.erase(said);
    if (call.type != event.type || call.index != event.index) return;
    const Opened opened{call.tgid, call.fd, call.type};
    if (const Queue* const known = find(event.owner, event.type);
        known != nullptr && (known->minor >= 0 && known->minor != call.minor))
        retire(event.owner);
    this->queue(event.owner, event.type).minor = call.minor;
    owners_[opened] = event.owner;
    if (const auto exported = exported_.find(opened); exported != exported_.end()) {
        for (const auto& [index, ino] : exported->second)
            learn_buffer(event.owner, event.type, index, ino);
        exported_.erase(exported);
    }
    if (call.ino != 0) learn_buffer(event.owner, event.type, event.index, call.ino);
}

/// An open file is gone, and another has its place in memory: what comes is of a new queue.
void Model::retire(std::uint64_t owner) {
    for (Queue& queue : queues_)
        if (queue.owner == owner) queue.owner = retired | ++retired_;
    std::erase_if(owners_, [&](const auto& entry) { return entry.second == owner; });
}

void Model::learn_buffer(std::uint64_t owner, std::uint32_t type, std::uint32_t index,
                         std::uint64_t ino) {
    Queue& queue = this->queue(owner, type);
    queue.buffers[index].ino = ino;
    if (Frame* const turn = queue.latest(index)) turn->ino = ino;
    if (queue.capture()) written_[ino] = {queue.id, index};
}

/// An OUTPUT buffer that has the dma-buf of another queue's frame: its device reads that frame.
void Model::hand_to_reader(Queue& reader, Frame& frame, const Event& event) {
    const auto found = written_.find(frame.ino);
    if (frame.ino == 0 || found == written_.end()) return;
    Frame* const turn = written(frame.ino);
    if (turn == nullptr || turn->accesses.size() >= remembered_uses) return;
    frame.content = {found->second.queue, turn->number};
    Access access;
    access.use = Use::device;
    access.pid = event.pid;
    access.asked = frame.queued;
    access.granted = event.time;
    access.by = producer(reader);
    turn->accesses.push_back(std::move(access));
}

/// vb2_buffer_done() signals the fence of a buffer and then traces vb2_buf_done, on one processor:
/// this is how a fence gets its frame.
void Model::finish_frame(Queue& queue, Frame& frame, const Event& event) {
    frame.done = event.time;
    if (!queue.capture()) {
        if (!frame.content) return;
        // The job that read another device's frame is over, and with it the reading.
        auto& [from, number] = *frame.content;
        if (const Frame* const read = std::as_const(queues_[from]).frame(number))
            for (Access& access : const_cast<Frame*>(read)->accesses)
                if (access.use == Use::device && !access.ended) access.ended = event.time;
        return;
    }
    if (const auto signaled = just_signaled_.find(event.cpu); signaled != just_signaled_.end()) {
        if (const auto found = fences_.find(signaled->second); found != fences_.end()) {
            Fence& fence = found->second;
            fence.kept = true;
            frame.fence = fence.id;
            frame.started = fence.started;
            frame.signaled = fence.signaled;
            queue.driver = fence.driver;
            ++queue.fenced;
        }
        just_signaled_.erase(signaled);
    }
    const Time finished = *frame.finished();
    for (const Access& access : frame.accesses)
        if (access.granted && *access.granted < finished && access.use != Use::fence) ++queue.early;
}

/// A pool is empty when the driver has none of its CAPTURE buffers while it has something to read.
void Model::watch_pool(Queue& queue, Time now) {
    Queue* const pool = queue.capture() ? &queue : [&]() -> Queue* {
        for (Queue& other : queues_)
            if (other.owner == queue.owner && other.capture()) return &other;
        return nullptr;
    }();
    if (pool == nullptr || pool->buffers.empty()) return;
    const bool lasts = !pool->droughts.empty() && !pool->droughts.back().end;
    if (pool->driver_has_any()) {
        if (lasts) pool->droughts.back().end = now;
        return;
    }
    const bool waiting = std::ranges::any_of(queues_, [&](const Queue& other) {
        return other.owner == pool->owner && !other.capture() && other.driver_has_any();
    });
    if (!waiting) {
        if (lasts) pool->droughts.back().end = now;
        return;
    }
    if (!lasts && pool->droughts.size() < limit)
        pool->droughts.push_back({now, std::nullopt, pool->buffers.size(), {}});
    if (pool->droughts.empty()) return;
    std::set<std::string> names;
    for (const auto& [index, buffer] : pool->buffers) {
        const Frame* const turn = pool->frame(buffer.number);
        if (turn == nullptr) continue;
        std::set<int> who;
        // Somebody else who has it open holds it; else who took it out of the queue.
        if (const auto open = holders_.find(buffer.ino); buffer.ino != 0 && open != holders_.end())
            who = open->second;
        who.erase(turn->queued_by);
        if (who.empty() && turn->dequeued) who.insert(turn->dequeued_by);
        for (const int pid : who) names.insert(process(pid));
    }
    pool->droughts.back().holders.assign(names.begin(), names.end());
}

void Model::feed_v4l2(const Event& event) {
    // The kernel's event of the same call by the same thread, a moment ago, has the owner.
    const auto last = last_calls_.find(event.pid);
    if (last == last_calls_.end()) return;
    const auto [owner, type, index] = last->second;
    last_calls_.erase(last);
    if (type != event.type || index != event.index) return;
    Queue* const queue = find(owner, type);
    if (queue == nullptr || queue->minor == event.minor) return;
    if (queue->minor < 0) {
        queue->minor = event.minor;
        return;
    }
    if (event.kind != Kind::v4l2_qbuf || queue->frames.empty()) return;
    // Another device, so another open file: the frame that was queued just now is its first.
    Frame first = std::move(queue->frames.back());
    queue->frames.pop_back();
    --queue->count;
    queue->buffers.erase(index);
    retire(owner);
    Queue& fresh = this->queue(owner, type);
    fresh.minor = event.minor;
    first.number = ++fresh.count;
    first.ino = 0;
    fresh.buffers[index].number = first.number;
    fresh.frames.push_back(std::move(first));
}

void Model::feed_fence(const Event& event) {
    const FenceId id{event.context, event.seqno};
    if (event.kind == Kind::fence_destroy) {
        const auto found = fences_.find(id);
        if (found == fences_.end()) return;
        (found->second.kept ? kept_ : destroyed_).push_back(id);
        if (destroyed_.size() > remembered_fences) {
            forget(destroyed_.front());
            destroyed_.pop_front();
        }
        if (kept_.size() > limit) {
            fences_.erase(kept_.front());
            kept_.pop_front();
        }
        return;
    }
    // More than anything live has at a time: a trace without dma_fence_destroy.
    if (fences_.size() > 10 * limit) fences_.erase(fences_.begin());
    auto [at, fresh] = fences_.try_emplace(id);
    Fence& fence = at->second;
    if (fresh) {
        ++fences_seen_;
        fence.id = id;
        fence.driver = event.driver;
        fence.timeline = event.timeline;
    }
    switch (event.kind) {
        case Kind::fence_init:
            fence.started = event.time;
            if (const auto commit = commits_.find(event.pid);
                commit != commits_.end() && event.timeline.starts_with("CRTC:"))
                flips_[id] = commit->second;
            break;
        case Kind::fence_signaled:
            signal(event);
            break;
        case Kind::fence_wait_start:
            fence.kept = true;
            if (fence.waits.size() < remembered_uses)
                fence.waits.push_back({event.pid, event.time, std::nullopt});
            break;
        default:
            for (Wait& wait : fence.waits)
                if (wait.pid == event.pid && !wait.end) wait.end = event.time;
            break;
    }
}

void Model::signal(const Event& event) {
    Fence& fence = fences_[{event.context, event.seqno}];
    if (fence.signaled) {
        ++strange_;
        return;
    }
    fence.signaled = event.time;
    if (of_videobuf2(fence.timeline)) just_signaled_[event.cpu] = fence.id;
    if (const auto flip = flips_.find(fence.id); flip != flips_.end()) {
        // The display shows it from here on.
        if (Frame* const turn = written(flip->second))
            for (Access& access : turn->accesses)
                if (access.use == Use::display && !access.granted) access.granted = event.time;
        flips_.erase(flip);
    }
}

void Model::forget(FenceId id) {
    const auto found = fences_.find(id);
    if (found != fences_.end() && !found->second.kept) fences_.erase(found);
    flips_.erase(id);
}

void Model::feed_call(const Event& event) {
    switch (event.kind) {
        case Kind::call_queue:
            calls_[event.pid] = event;
            return;
        case Kind::call_export: {
            const Opened opened{event.tgid, event.fd, event.type};
            if (const auto owner = owners_.find(opened); owner != owners_.end())
                learn_buffer(owner->second, event.type, event.index, event.ino);
            else
                exported_[opened][event.index] = event.ino;
            return;
        }
        case Kind::call_poll:
            return begin_access(event, Use::poll);
        case Kind::call_poll_end:
            return grant_access(event, Use::poll, event.value != 0);
        case Kind::call_sync_poll:
            return begin_access(event, Use::sync_file);
        case Kind::call_sync_poll_end:
            return grant_access(event, Use::sync_file, event.value != 0);
        case Kind::call_cpu_start:
            return begin_access(event, (event.value & 2) != 0 ? Use::cpu_write : Use::cpu_read);
        case Kind::call_cpu_started:
            return grant_access(event, (event.value & 2) != 0 ? Use::cpu_write : Use::cpu_read,
                                true);
        case Kind::call_cpu_end:
            return end_access(event);
        case Kind::call_import_sync:
            return begin_access(event, Use::fence);
        case Kind::call_commit:
            if (event.ino != 0) commits_[event.pid] = event.ino;
            return begin_access(event, Use::display);
        case Kind::call_commit_end:
            commits_.erase(event.pid);
            return;
        default:
            return;
    }
}

void Model::begin_access(const Event& event, Use use) {
    Frame* const turn = written(event.ino);
    // A dma-buf that is none of a traced queue's.
    if (turn == nullptr || turn->accesses.size() >= remembered_uses) return;
    Access access;
    access.use = use;
    access.pid = event.pid;
    access.asked = event.time;
    if (use == Use::fence) {
        access.granted = event.time;
        // What a sync_file says of its fence is driver and timeline: the latest of these
        // that is pending.
        for (auto& [id, fence] : fences_)
            if (!fence.signaled && fence.driver == event.driver &&
                fence.timeline == event.timeline) {
                access.fence = id;
                access.by = fence.driver;
            }
        if (access.fence) fences_[*access.fence].kept = true;
    }
    turn->accesses.push_back(std::move(access));
}

void Model::grant_access(const Event& event, Use use, bool granted) {
    Frame* const turn = written(event.ino);
    if (turn == nullptr) return;
    for (auto access = turn->accesses.rbegin(); access != turn->accesses.rend(); ++access) {
        if (access->use != use || access->pid != event.pid || access->granted || access->ended)
            continue;
        // A poll that timed out was told that the frame is not ready, which is no use of it.
        (granted ? access->granted : access->ended) = event.time;
        return;
    }
}

void Model::end_access(const Event& event) {
    Frame* const turn = written(event.ino);
    if (turn == nullptr) return;
    const auto end = [&](Frame& frame) {
        for (auto access = frame.accesses.rbegin(); access != frame.accesses.rend(); ++access)
            if ((access->use == Use::cpu_read || access->use == Use::cpu_write) &&
                access->pid == event.pid && access->granted && !access->ended) {
                access->ended = event.time;
                return true;
            }
        return false;
    };
    if (end(*turn)) return;
    // It was queued again meanwhile: the access belongs to the turn before.
    Queue& queue = queues_[written_.at(event.ino).queue];
    for (auto frame = queue.frames.rbegin(); frame != queue.frames.rend(); ++frame)
        if (&*frame != turn && frame->index == turn->index) {
            end(*frame);
            return;
        }
}

}  // namespace relfence::trace
