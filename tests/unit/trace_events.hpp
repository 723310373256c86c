// SPDX-License-Identifier: MIT
// Sequences of events as kernels give them, for tests of the trace.
#pragma once

#include <linux/videodev2.h>
#include <string>
#include <vector>

#include <relfence/trace/model.hpp>

namespace relfence::trace {

/// Writes a trace down, with times in microseconds.
class Script {
  public:
    static constexpr std::uint32_t capture = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    static constexpr std::uint32_t output = V4L2_BUF_TYPE_VIDEO_OUTPUT;
    static constexpr int client = 100;

    Script() {
        device(0, "video0 (decoder)");
        process(client, "player");
    }
    Event& add(Kind kind, Time us, int pid = client) {
        Event event;
        event.kind = kind;
        event.time = us * 1000;
        event.pid = pid;
        return events.emplace_back(std::move(event));
    }
    void device(int minor, const std::string& name) {
        Event& event = add(Kind::device, 0, 0);
        event.minor = minor;
        event.text = name;
    }
    void process(int pid, const std::string& name, std::uint64_t ino = 0) {
        Event& event = add(Kind::holder, 0, pid);
        event.text = name;
        event.ino = ino;
    }
    Event& vb2(Kind kind, Time us, std::uint32_t index, std::uint32_t type = capture,
               std::uint64_t owner = 1, int pid = client) {
        Event& event = add(kind, us, pid);
        event.owner = owner;
        event.index = index;
        event.type = type;
        return event;
    }
    Event& fence(Kind kind, Time us, std::uint64_t seqno, int pid = client) {
        Event& event = add(kind, us, pid);
        event.context = 7;
        event.seqno = seqno;
        event.driver = "decoder";
        event.timeline = "vb2-cap-7";
        return event;
    }
    Event& call(Kind kind, Time us, std::uint64_t ino, std::int64_t value = 0, int pid = client) {
        Event& event = add(kind, us, pid);
        event.tgid = pid;
        event.ino = ino;
        event.value = value;
        return event;
    }
    /// Says which dma-buf buffer @p index of a descriptor is, and which queue that is.
    void exported(Time us, std::uint32_t index, std::uint64_t ino, int minor = 0, int fd = 5) {
        Event& event = call(Kind::call_export, us, ino);
        event.fd = fd;
        event.minor = minor;
        event.type = capture;
        event.index = index;
    }
    void about_to_queue(Time us, std::uint32_t index, std::uint32_t type = capture,
                        std::uint64_t ino = 0, int minor = 0, int fd = 5) {
        Event& event = call(Kind::call_queue, us, ino);
        event.fd = fd;
        event.minor = minor;
        event.type = type;
        event.index = index;
    }
    /// QBUF of a CAPTURE buffer that the driver takes at once.
    void queue(Time us, std::uint32_t index, std::uint32_t type = capture,
               std::uint64_t owner = 1) {
        about_to_queue(us, index, type, 0, static_cast<int>(owner) - 1,
                       4 + static_cast<int>(owner));
        vb2(Kind::vb2_qbuf, us + 1, index, type, owner);
        vb2(Kind::vb2_buf_queue, us + 2, index, type, owner);
    }
    void finish(Time us, std::uint32_t index, std::uint32_t type = capture,
                std::uint64_t owner = 1) {
        vb2(Kind::vb2_buf_done, us, index, type, owner, 0);
    }
    void dequeue(Time us, std::uint32_t index, std::uint32_t type = capture,
                 std::uint64_t owner = 1) {
        vb2(Kind::vb2_dqbuf, us, index, type, owner);
    }
    [[nodiscard]] Model model() const {
        Model model;
        for (const Event& event : events) model.feed(event);
        return model;
    }

    std::vector<Event> events;
};

}  // namespace relfence::trace
