// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <relfence/trace/model.hpp>

namespace relfence::trace {

/// What a slice shows, for its colour.
enum class Look : std::uint8_t {
    frame,   ///< the producer works on a frame that has a fence
    bare,    ///< the same without a fence: nobody can tell when it is there
    input,   ///< the device reads what a client queued
    queued,  ///< a buffer waits for its turn
    done,    ///< a frame waits to be dequeued
    client,  ///< the client has the buffer
    wait,    ///< somebody waits
    use,     ///< somebody uses the frame
    early,   ///< before the producer finished
    dry,     ///< the pool is empty
};
[[nodiscard]] std::string_view name(Look look);

struct Slice {
    Time begin = 0;
    Time end = 0;
    Look look = Look::frame;
    std::string name;
    std::vector<std::pair<std::string, std::string>> details;
};

/// Slices that do not overlap, in the order of time.
struct Lane {
    std::string group;   ///< "video1 (vicodec) CAPTURE", "kwin_wayland"
    std::string name;    ///< "frames", "buffer 2"
    bool queue = false;  ///< the lane of a queue: one slice for each frame
    std::vector<Slice> slices;
};

/// From a fence's signal to who waited for it.
struct Arrow {
    std::size_t from_lane = 0;
    Time from = 0;
    std::size_t to_lane = 0;
    Time to = 0;
};

/// The picture of a trace, before it has a format.
struct Timeline {
    Time begin = 0;
    Time end = 0;
    std::vector<Lane> lanes;
    std::vector<Arrow> arrows;
    /// Frames that have a slice.
    [[nodiscard]] std::size_t frames() const;
};
[[nodiscard]] Timeline draw(const Model& model);

}  // namespace relfence::trace
