// SPDX-License-Identifier: MIT
#include "cases/case_list.hpp"

#include <fmt/format.h>

namespace relfence::cases {
namespace {

using players::Memory;

using Drivers = std::vector<std::string>;
using Boards = std::map<std::string, std::vector<std::string>>;

const Drivers all_drivers{"hantro-vpu", "rockchip-rga", "vim2m", "vicodec", "visl"};
/// The decoder has no IOMMU on the board and takes contiguous memory only.
const Drivers importing_drivers{"rockchip-rga", "vim2m", "vicodec", "visl"};
const Drivers hardware_drivers{"hantro-vpu", "rockchip-rga"};

/// The boards for the drivers with hardware, in virtual time: a job of 200 ms and a watchdog of 2 s
/// cost nothing, and a busy machine changes nothing. @param more of relfence-board's arguments
Boards boards(const std::string& job_time, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments{"--board", "fresnel",    "--time",
                                       "virtual", "--duration", job_time};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return {{"hantro-vpu", arguments}, {"rockchip-rga", arguments}};
}
/// For those who look at fences while one job runs, and for those who look at many frames.
const Boards slow_boards = boards("200ms");
const Boards frame_boards = boards("20ms");
/// @param fault a job of each engine, counted from the start of the guest, and what happens to it:
///        "1:late-interrupt". One case to such a board, or they would count each other's jobs, and
///        where a job never ends the process that it leaves behind keeps the next case from opening
///        its device
/// @param job_time tells boards apart that have the same faults
Boards faulty_boards(const std::string& fault, const std::string& job_time = "200ms") {
    return boards(job_time, {"--fault", "vdpu:" + fault, "--fault", "rga:" + fault});
}

Case depth_case(unsigned depth) {
    return {fmt::format("queued-depth-{}", depth),
            fmt::format("the same with {} jobs queued", depth),
            "buffers that are handed over behind a running job: they have no fence yet",
            // One depth of the board's will do.
            depth == 4 ? Drivers{"hantro-vpu", "vicodec", "visl"} : Drivers{"vicodec", "visl"},
            [depth](const Setup& setup) { return queued_depth(setup, depth); }, frame_boards};
}

Case imported_case(const std::string& from, const Memory& memory) {
    return {"imported-" + from,
            fmt::format("a dma-buf from {}, used before, is written", from),
            "no fence of the producer's in a buffer that is not its own",
            importing_drivers,
            [memory](const Setup& setup) { return imported(setup, memory); },
            slow_boards};
}

}  // namespace

const std::vector<Case>& all_cases() {
    static const std::vector<Case> cases{
        {"in-flight-fence", "EXPORT_SYNC_FILE while the driver writes",
         "no fence of the producer's, or one that outlives the job", all_drivers, in_flight_fence,
         slow_boards},
        {"in-flight-poll", "poll() while the driver writes",
         "a buffer that is said to be ready too early, or never", all_drivers, in_flight_poll,
         slow_boards},
        {"export-order", "one buffer, exported before and after the start",
         "fences that only some of those who hold a buffer see", all_drivers, export_order,
         slow_boards},
        imported_case("udmabuf", {.source = Memory::Source::udmabuf, .used_before = true}),
        imported_case("heap", {.source = Memory::Source::heap, .used_before = true}),
        imported_case("vgem", {.source = Memory::Source::vgem, .used_before = true}),
        {"eager-frames",
         "a consumer waits on nothing but the dma-buf",
         "green, stale and torn frames: no fence, one that signals early, one that never does",
         {"hantro-vpu", "vicodec", "visl"},
         eager_frames,
         frame_boards},
        depth_case(2),
        depth_case(4),
        depth_case(8),
        {"decoder-to-rga",
         "the RGA converts the frame as soon as the dma-buf may be read",
         "a pipeline of devices that works on frames which are not there yet",
         {"hantro-vpu"},
         decoder_to_rga,
         frame_boards},
        {"several-contexts",
         "three decoders and two scalers at once",
         "a fence of another queue, or one that another's job signals",
         {"hantro-vpu"},
         several_contexts,
         frame_boards},
        {"kms-consumer",
         "a display flips to the dma-buf in mid-job",
         "a display that shows a frame which is not there yet",
         {"vicodec"},
         kms_consumer},
        {"starved-output",
         "CAPTURE is queued, OUTPUT never",
         "a fence that waits for userspace, without bound",
         {"rockchip-rga", "vim2m", "visl"},
         starved_output,
         slow_boards},
        {"held-capture",
         "a CAPTURE buffer is held between two slices, or two fields",
         "a fence that waits for userspace, without bound",
         {"hantro-vpu", "visl"},
         held_capture,
         {{"hantro-vpu", {"--board", "ohm", "--time", "virtual", "--duration", "200ms"}}}},
        {"failed-job",
         "a frame that cannot be decoded",
         "a fence that hides the error",
         {"vicodec"},
         failed_job},
        {"error-interrupt", "hardware that fails half-way",
         "a fence that waits for it without bound, or hides the error", hardware_drivers,
         error_interrupt, faulty_boards("2:error")},
        {"bus-error", "hardware that meets a bad address",
         "a fence that waits for it without bound, or hides the error", hardware_drivers,
         error_interrupt, faulty_boards("2:bus-error")},
        {"hung-job", "hardware that never finishes", "a fence that waits for it without bound",
         hardware_drivers, hung_job, faulty_boards("*:hang")},
        {"requeue-at-once", "the next frame is queued the moment the last is there",
         "a driver that gives frames back before their job is over: the next has no fence yet",
         all_drivers, requeue_at_once, faulty_boards("*:hang", "100ms")},
        {"late-interrupt", "an interrupt that comes after the reset, in the middle of the next job",
         "a fence that signals while its buffer is being written", hardware_drivers, late_interrupt,
         faulty_boards("1:late-interrupt")},
        {"unbind",
         "the driver is unbound in mid-job, with the device open",
         "a fence that never signals; a player that uses what is gone",
         hardware_drivers,
         unbind,
         slow_boards,
         // What is used after it was freed is zero then, and not by chance still what it was.
         // All memory is cleared at boot, too, so there should be little of it.
         {"init_on_free=1", "mem=128M"}},
        {"odd-rows",
         "a picture whose rows are no multiple of 4 bytes",
         "what a driver programs wrong and nobody sees but the hardware",
         {"rockchip-rga"},
         odd_rows,
         slow_boards},
        {"abort-streamoff",
         "STREAMOFF in mid-job",
         "a fence that never signals",
         {"hantro-vpu", "rockchip-rga", "vim2m", "visl"},
         abort_streamoff,
         slow_boards},
        {"abort-close", "close() in mid-job", "a fence that never signals", all_drivers,
         abort_close, slow_boards},
        {"abort-kill", "kill -9 in mid-job", "a fence that never signals", all_drivers, abort_kill,
         slow_boards},
        {"cost",
         "what the system calls take, in ns",
         "a fence that makes producers or consumers slower",
         {"vicodec", "visl"},
         cost},
        {"imported-empty-resv", "a dma-buf that never had a fence is written",
         "a fence that is added without a reserved place: the kernel oopses", importing_drivers,
         [](const Setup& setup) { return imported(setup, {.source = Memory::Source::udmabuf}); },
         slow_boards},
        {"lockdep-stress",
         "everything at once, watched by lockdep",
         "orders of locks that can deadlock; fences left behind by aborts and kills",
         {"all"},
         lockdep_stress},
    };
    return cases;
}

}  // namespace relfence::cases
