// SPDX-License-Identifier: MIT
#include "checks/check.hpp"

namespace relfence::checks {

std::string_view name_of(Verdict verdict) {
    switch (verdict) {
        case Verdict::pass:
            return "pass";
        case Verdict::fail:
            return "fail";
        case Verdict::warn:
            return "warn";
        case Verdict::skip:
            return "skip";
        case Verdict::error:
            break;
    }
    return "error";
}

const std::vector<Check>& all_checks() {
    static const std::vector<Check> checks{
        {"in-flight-fence", "a frame that is being written has a fence of its producer",
         "green, old or torn frames", in_flight_fence},
        {"fence-signals", "the fence has signalled when VIDIOC_DQBUF gives the frame back",
         "stalls, frames that come late", fence_signals},
        {"in-flight-poll", "poll() on the dma-buf waits for the frame, and wakes up with it",
         "old or torn frames, or a window that stands still", in_flight_poll},
        {"shared-exports", "all exports of a buffer have the same fence",
         "good frames in one program, bad ones in another", shared_exports},
        {"imported-udmabuf", "frames in memory of a udmabuf have the fence too",
         "bad frames, only with memory of the display's or a GPU's", imported_udmabuf},
        {"imported-heap", "frames in memory of a dma-heap have the fence too",
         "as imported-udmabuf", imported_heap},
        {"imported-vgem", "frames in memory of a DRM device have the fence too",
         "as imported-udmabuf", imported_vgem},
        {"frame-complete", "all of the frame is there when its dma-buf may be read",
         "green, old or torn frames", frame_complete},
        {"starved-output", "a frame that no job writes has no fence",
         "a display that waits for a player, and for ever when that stops", starved_output},
        {"held-capture", "a frame that waits for its next slice or field has no fence",
         "as starved-output, with interlaced or sliced video", held_capture},
        {"failed-job", "the fence of a frame that failed carries an error",
         "garbage instead of the last good frame", failed_job},
        {"reader-fence", "a frame that somebody still reads is not written again",
         "a newer frame flashes up, tearing", reader_fence},
        {"abort-streamoff", "STREAMOFF in mid-job ends the fence",
         "the display freezes when a player seeks", abort_streamoff},
        {"abort-close", "close() in mid-job ends the fence",
         "the display freezes when a player ends or crashes", abort_close},
    };
    return checks;
}

}  // namespace relfence::checks
