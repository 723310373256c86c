// SPDX-License-Identifier: MIT
#include "players/case_list.hpp"

#include <fmt/format.h>

namespace relfence::players {
namespace {

FrameCase depth_case(unsigned depth) {
    return {fmt::format("queued-depth-{}", depth),
            fmt::format("the same with {} jobs queued", depth),
            "buffers that are handed over behind a running job: they have no fence yet",
            {"vicodec", "visl"},
            [depth](const Setup& setup) { return queued_depth(setup, depth); }};
}

}  // namespace

const std::vector<FrameCase>& frame_cases() {
    static const std::vector<FrameCase> cases{
        {"eager-frames",
         "a consumer waits on nothing but the dma-buf",
         "green, stale and torn frames: no fence, one that signals early, one that never does",
         {"vicodec", "visl"},
         eager_frames},
        depth_case(2),
        depth_case(4),
        depth_case(8),
        {"kms-consumer",
         "a display flips to the dma-buf in mid-job",
         "a display that shows a frame which is not there yet",
         {"vicodec"},
         kms_consumer},
        {"cost",
         "what the system calls take, in ns",
         "a fence that makes producers or consumers slower",
         {"vicodec", "visl"},
         cost},
        {"lockdep-stress",
         "everything at once, watched by lockdep",
         "orders of locks that can deadlock; fences left behind by aborts and kills",
         {"all"},
         lockdep_stress},
    };
    return cases;
}

}  // namespace relfence::players
