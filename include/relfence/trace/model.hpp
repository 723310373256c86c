// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <relfence/trace/event.hpp>

namespace relfence::trace {

using Time = std::uint64_t;  ///< ns of CLOCK_MONOTONIC

/// Which fence: dma_fence.context and .seqno, which no two fences share while a kernel runs.
struct FenceId {
    std::uint64_t context = 0;
    std::uint64_t seqno = 0;
    friend auto operator<=>(const FenceId&, const FenceId&) = default;
};

/// Somebody who slept for a fence in the kernel (dma_fence_wait).
struct Wait {
    int pid = 0;
    Time begin = 0;
    std::optional<Time> end;  ///< none: still waits
};

/// A fence from its start to its signal.
struct Fence {
    FenceId id;
    std::string driver;
    std::string timeline;
    std::optional<Time> started;  ///< dma_fence_init; none: before the trace began
    std::optional<Time> signaled;
    std::vector<Wait> waits;
    bool kept = false;  ///< belongs to a frame, or was waited for
};

/// What a consumer did with a frame.
enum class Use : std::uint8_t {
    poll,       ///< poll() on the dma-buf
    sync_file,  ///< poll() on a sync_file that was exported from it
    cpu_read,   ///< DMA_BUF_SYNC_START ... DMA_BUF_SYNC_END to read
    cpu_write,  ///< the same to write
    device,     ///< queued on another device that reads it
    display,    ///< atomic commit or page flip
    fence,      ///< put a fence of its own on it (IMPORT_SYNC_FILE)
};
[[nodiscard]] std::string_view name(Use use);

/// One use of one frame.
struct Access {
    Use use = Use::poll;
    int pid = 0;                   ///< thread
    Time asked = 0;                ///< when the call began
    std::optional<Time> granted;   ///< when the kernel let it: nothing stood in the way any more
    std::optional<Time> ended;     ///< when it was over: SYNC_END, the reading device's buf_done
    std::optional<FenceId> fence;  ///< of Use::fence, when the trace has seen it start
    std::string by;                ///< device: the reader's name
};

/// One turn of a buffer through a queue.
struct Frame {
    std::uint64_t number = 0;  ///< in its queue, from 1, in the order in which they were queued
    std::uint32_t index = 0;   ///< of the buffer
    int queued_by = 0;         ///< thread
    int dequeued_by = 0;
    Time queued = 0;               ///< vb2_qbuf
    std::optional<Time> given;     ///< vb2_buf_queue: the driver has it
    std::optional<Time> started;   ///< its fence started: the driver works on it
    std::optional<Time> signaled;  ///< its fence said that it is there
    std::optional<Time> done;      ///< vb2_buf_done
    std::optional<Time> dequeued;  ///< vb2_dqbuf
    std::optional<FenceId> fence;  ///< the producer's
    std::uint64_t ino = 0;         ///< of the dma-buf, when known
    std::vector<Access> accesses;
    /// OUTPUT: the frame of another device that is in this buffer, by queue and number.
    std::optional<std::pair<std::size_t, std::uint64_t>> content;

    /// When it was all there; none while the driver writes.
    [[nodiscard]] std::optional<Time> finished() const { return signaled ? signaled : done; }
};

/// How long a CAPTURE queue had nothing to write into, though there was something to write.
struct Drought {
    Time begin = 0;
    std::optional<Time> end;  ///< none: at the end of the trace it still lasted
    std::size_t pool = 0;     ///< buffers of the queue
    std::vector<std::string> holders;
};

/// What is known of a buffer of a queue.
struct Buffer {
    std::uint64_t ino = 0;     ///< of its dma-buf; 0: not known
    std::uint64_t number = 0;  ///< of its latest frame
};

/// One side of an open video device.
struct Queue {
    std::size_t id = 0;
    std::uint64_t owner = 0;
    std::uint32_t type = 0;
    int minor = -1;                           ///< -1: not known yet
    std::string driver;                       ///< as its fences name it; empty: it gave none
    std::deque<Frame> frames;                 ///< the oldest may be gone, see Model::limit
    std::uint64_t count = 0;                  ///< frames that were queued
    std::map<std::uint32_t, Buffer> buffers;  ///< by index
    std::vector<Drought> droughts;
    std::uint64_t early = 0;   ///< uses before the producer finished
    std::uint64_t fenced = 0;  ///< frames that had a fence

    [[nodiscard]] bool capture() const { return is_capture(type); }
    /// The frame with this number; nullptr when it is gone.
    [[nodiscard]] const Frame* frame(std::uint64_t number) const;
    /// The latest turn of this buffer.
    [[nodiscard]] Frame* latest(std::uint32_t index);
    [[nodiscard]] const Frame* latest(std::uint32_t index) const;
    /// Buffers that the driver has now.
    [[nodiscard]] std::size_t in_driver() const;
    /// The same, without counting: asked at each event.
    [[nodiscard]] bool driver_has_any() const;
    /// "video1 CAPTURE"
    [[nodiscard]] std::string name(const std::map<int, std::string>& devices) const;
};

/// What happens to each buffer, from a sequence of events in the order of time.
///
/// Pure: knows neither tracefs nor files. Takes any sequence, also one that begins in mid-stream,
/// has gaps or makes no sense: what does not fit is counted in strange() and changes nothing else.
/// Not thread-safe.
class Model {
  public:
    static constexpr std::size_t limit = 20'000;  ///< frames that each queue remembers

    void feed(const Event& event);

    [[nodiscard]] const std::deque<Queue>& queues() const { return queues_; }
    [[nodiscard]] const std::map<FenceId, Fence>& fences() const { return fences_; }
    [[nodiscard]] const Fence* fence(FenceId id) const;
    [[nodiscard]] const std::map<int, std::string>& devices() const { return devices_; }
    /// The name of a thread or process: "kwin_wayland", or "process 12".
    [[nodiscard]] std::string process(int pid) const;
    /// "video1 (vicodec)": for sentences.
    [[nodiscard]] std::string producer(const Queue& queue) const;
    [[nodiscard]] std::uint64_t events() const { return events_; }
    [[nodiscard]] std::uint64_t lost() const { return lost_; }
    [[nodiscard]] std::uint64_t strange() const { return strange_; }
    [[nodiscard]] const std::vector<std::string>& troubles() const { return troubles_; }
    [[nodiscard]] Time first() const { return first_; }
    [[nodiscard]] Time last() const { return last_; }
    [[nodiscard]] std::uint64_t fences_seen() const { return fences_seen_; }
    /// Whether a queue had nothing to write into for @p at_least ns, and still has, or had so after
    /// the time @p after: then it is worth to ask who has the buffers.
    [[nodiscard]] bool starved(Time at_least, Time after) const;

  private:
    void feed_vb2(const Event& event);
    void feed_v4l2(const Event& event);
    void feed_fence(const Event& event);
    void feed_call(const Event& event);
    void begin_access(const Event& event, Use use);
    void grant_access(const Event& event, Use use, bool granted);
    void end_access(const Event& event);
    void queue_frame(Queue& queue, const Event& event);
    void hand_to_reader(Queue& reader, Frame& frame, const Event& event);
    void watch_pool(Queue& queue, Time now);
    void finish_frame(Queue& queue, Frame& frame, const Event& event);
    void signal(const Event& event);
    void learn_owner(const Event& event);
    void retire(std::uint64_t owner);
    void learn_buffer(std::uint64_t owner, std::uint32_t type, std::uint32_t index,
                      std::uint64_t ino);
    void forget(FenceId id);
    Queue& queue(std::uint64_t owner, std::uint32_t type);
    Queue* find(std::uint64_t owner, std::uint32_t type);
    /// The turn of a dma-buf in the queue that writes it.
    Frame* written(std::uint64_t ino);

    std::deque<Queue> queues_;
    std::map<FenceId, Fence> fences_;
    std::deque<FenceId> destroyed_;  // and of no interest
    std::deque<FenceId> kept_;       // destroyed, and of interest
    std::map<int, std::string> devices_;
    std::map<int, std::string> processes_;
    std::map<std::uint64_t, std::set<int>> holders_;  // ino -> processes
    struct At {
        std::size_t queue;
        std::uint32_t index;
    };
    std::map<std::uint64_t, At> written_;   // ino -> buffer of the queue that writes it
    std::map<int, FenceId> just_signaled_;  // cpu -> vb2 fence, until vb2_buf_done says whose
    struct Opened {
        int tgid;
        int fd;
        std::uint32_t type;
        friend auto operator<=>(const Opened&, const Opened&) = default;
    };
    std::map<Opened, std::uint64_t> owners_;  // of descriptors
    std::map<Opened, std::map<std::uint32_t, std::uint64_t>>
        exported_;  // before their owner is known
    struct LastCall {
        std::uint64_t owner;
        std::uint32_t type;
        std::uint32_t index;
    };
    std::map<int, LastCall> last_calls_;      // thread -> what it queued or dequeued last
    std::map<int, Event> calls_;              // thread -> call_queue
    std::map<int, std::uint64_t> commits_;    // thread -> in a commit of this dma-buf
    std::map<FenceId, std::uint64_t> flips_;  // fence of a flip -> dma-buf
    std::vector<std::string> troubles_;
    std::uint64_t events_ = 0;
    std::uint64_t lost_ = 0;
    std::uint64_t strange_ = 0;
    std::uint64_t fences_seen_ = 0;
    std::uint64_t retired_ = 0;
    Time first_ = 0;
    Time last_ = 0;
};

}  // namespace relfence::trace
