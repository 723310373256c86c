// SPDX-License-Identifier: MIT
#include "cases/case_list.hpp"

#include <fmt/format.h>

namespace relfence::cases {
namespace {

using players::Memory;

const std::vector<std::string> all_drivers{"vim2m", "vicodec", "visl"};

Case depth_case(unsigned depth) {
    return {fmt::format("queued-depth-{}", depth),
            fmt::format("the same with {} jobs queued", depth),
            "buffers that are handed over behind a running job: they have no fence yet",
            {"vicodec", "visl"},
            [depth](const Setup& setup) { return queued_depth(setup, depth); }};
}

Case imported_case(const std::string& from, const Memory& memory) {
    return {"imported-" + from, fmt::format("a dma-buf from {}, used before, is written", from),
            "no fence of the producer's in a buffer that is not its own", all_drivers,
            [memory](const Setup& setup) { return imported(setup, memory); }};
}

}  // namespace

const std::vector<Case>& all_cases() {
    static const std::vector<Case> cases{
        {"in-flight-fence", "EXPORT_SYNC_FILE while the driver writes",
         "no fence of the producer's, or one that outlives the job", all_drivers, in_flight_fence},
        {"in-flight-poll", "poll() while the driver writes",
         "a buffer that is said to be ready too early, or never", all_drivers, in_flight_poll},
        {"export-order", "one buffer, exported before and after the start",
         "fences that only some of those who hold a buffer see", all_drivers, export_order},
        imported_case("udmabuf", {.source = Memory::Source::udmabuf, .used_before = true}),
        imported_case("heap", {.source = Memory::Source::heap, .used_before = true}),
        imported_case("vgem", {.source = Memory::Source::vgem, .used_before = true}),
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
        {"starved-output",
         "CAPTURE is queued, OUTPUT never",
         "a fence that waits for userspace, without bound",
         {"vim2m", "visl"},
         starved_output},
        {"held-capture",
         "a CAPTURE buffer is held between two slices",
         "a fence that waits for userspace, without bound",
         {"visl"},
         held_capture},
        {"failed-job",
         "a frame that cannot be decoded",
         "a fence that hides the error",
         {"vicodec"},
         failed_job},
        {"abort-streamoff",
         "STREAMOFF in mid-job",
         "a fence that never signals",
         {"vim2m", "visl"},
         abort_streamoff},
        {"abort-close", "close() in mid-job", "a fence that never signals", all_drivers,
         abort_close},
        {"abort-kill", "kill -9 in mid-job", "a fence that never signals", all_drivers, abort_kill},
        {"cost",
         "what the system calls take, in ns",
         "a fence that makes producers or consumers slower",
         {"vicodec", "visl"},
         cost},
        {"imported-empty-resv", "a dma-buf that never had a fence is written",
         "a fence that is added without a reserved place: the kernel oopses", all_drivers,
         [](const Setup& setup) { return imported(setup, {.source = Memory::Source::udmabuf}); }},
        {"lockdep-stress",
         "everything at once, watched by lockdep",
         "orders of locks that can deadlock; fences left behind by aborts and kills",
         {"all"},
         lockdep_stress},
    };
    return cases;
}

}  // namespace relfence::cases
