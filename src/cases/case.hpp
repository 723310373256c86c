// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <relfence/base/error.hpp>

#include "players/memory.hpp"

namespace relfence::cases {

/// How a case shall run.
struct Setup {
    std::string driver;               ///< "vicodec", "visl"
    std::filesystem::path artifacts;  ///< directory for pictures
    bool quick = false;               ///< fewer frames: a look, not a measurement
};

/// What a case saw, in the terms of `relfence-cases run`.
struct Outcome {
    std::string verdict = "seen";  ///< "seen", "skip" or "error"
    std::string seen;              ///< canonical text, compared with lab/cases.json
    std::string reason;            ///< of a skip or an error
    nlohmann::json details = nlohmann::json::object();
    nlohmann::json samples = nlohmann::json::object();
    std::vector<std::string> artifacts;

    static Outcome error(const Error& error) {
        Outcome o;
        o.verdict = "error";
        o.reason = error.message();
        return o;
    }
    static Outcome skip(const Error& error) {
        Outcome o;
        o.verdict = "skip";
        o.reason = error.message();
        return o;
    }
    /// What a case saw, or why it could not look.
    static Outcome of(Result<std::string> seen) {
        if (!seen) return error(seen.error());
        Outcome o;
        o.seen = std::move(*seen);
        return o;
    }
    void add_samples(const std::string& name, std::string_view unit,
                     const std::vector<std::int64_t>& values) {
        samples[name] = {{"unit", unit}, {"values", values}};
    }
};

/// in-flight-fence: EXPORT_SYNC_FILE while the driver writes. Catches: no producer fence, or one
/// that outlives the job. Drivers: vim2m, vicodec, visl.
[[nodiscard]] Outcome in_flight_fence(const Setup& setup);

/// in-flight-poll: poll() on the dma-buf while the driver writes, and until it wakes. Catches: a
/// buffer that is said to be ready too early, or never. Drivers: vim2m, vicodec, visl.
[[nodiscard]] Outcome in_flight_poll(const Setup& setup);

/// export-order: the same buffer, exported before and after the job has started. Catches: fences
/// that only some of those who hold a buffer see. Drivers: vim2m, vicodec, visl.
[[nodiscard]] Outcome export_order(const Setup& setup);

/// imported-*: as in-flight-fence, into dma-bufs of somebody else's. Catches: fences that are added
/// without a reserved place. Drivers: vim2m, vicodec, visl.
[[nodiscard]] Outcome imported(const Setup& setup, const players::Memory& memory);

/// starved-output: a CAPTURE buffer is queued, no OUTPUT buffer ever is. Catches: a fence that
/// waits for userspace. Drivers: vim2m, visl.
[[nodiscard]] Outcome starved_output(const Setup& setup);

/// held-capture: V4L2_BUF_FLAG_M2M_HOLD_CAPTURE_BUF between two slices, or two fields of H.264.
/// Catches: as starved-output. Drivers: hantro-vpu, visl.
[[nodiscard]] Outcome held_capture(const Setup& setup);

/// failed-job: a frame that the codec cannot decode. Catches: a fence that hides the error.
/// Driver: vicodec.
[[nodiscard]] Outcome failed_job(const Setup& setup);

/// hung-job: hardware that never finishes. Catches: a fence that waits for ever with it. Drivers:
/// those with hardware behind them, on a board with that fault.
[[nodiscard]] Outcome hung_job(const Setup& setup);

/// error-interrupt, bus-error: hardware that says that it failed. Catches: a fence that waits for
/// ever, or hides the error. Drivers: as hung-job; the second job of a board fails.
[[nodiscard]] Outcome error_interrupt(const Setup& setup);

/// requeue-at-once: a client that preempts the driver's worker queues the next frame the moment it
/// has the last. Catches: a driver that gives frames back before their job is over, so that the
/// next one starts late and has no fence when VIDIOC_QBUF returns. Hardware hangs here, since its
/// watchdog is what can be preempted; its interrupt cannot. Drivers: all.
[[nodiscard]] Outcome requeue_at_once(const Setup& setup);

/// late-interrupt: the interrupt of a hung job comes after the reset, when the next job runs.
/// Catches: a fence that signals while its buffer is being written. Drivers: as hung-job; the first
/// job of a board hangs so.
[[nodiscard]] Outcome late_interrupt(const Setup& setup);

/// unbind: the driver is taken from its device in mid-job, and given to it again. Catches: fences
/// that never signal, and players that use what is gone. Drivers: those with hardware.
[[nodiscard]] Outcome unbind(const Setup& setup);

/// abort-streamoff, abort-close, abort-kill: the player goes away in mid-job. Catches: fences that
/// never signal. Drivers: vim2m, vicodec (but for STREAMOFF, which its player does by closing),
/// visl.
[[nodiscard]] Outcome abort_streamoff(const Setup& setup);
[[nodiscard]] Outcome abort_close(const Setup& setup);
[[nodiscard]] Outcome abort_kill(const Setup& setup);

/// eager-frames: one job at a time; the consumer waits on the dma-buf alone, once by poll(), once
/// by a sync_file. Catches: no fence at all, one that signals early, one that never does. Drivers:
/// vicodec, visl.
[[nodiscard]] Outcome eager_frames(const Setup& setup);

/// queued-depth: as eager-frames, while the player keeps @p depth jobs queued. Catches: buffers
/// that are handed over behind a running job and have no fence yet. Drivers: vicodec, visl.
[[nodiscard]] Outcome queued_depth(const Setup& setup, unsigned depth);

/// decoder-to-rga: one job at a time; the RGA is given each frame to convert as soon as the dma-buf
/// lets a reader pass. Catches: a pipeline of devices that works on frames which are not there yet.
/// Driver: hantro-vpu.
[[nodiscard]] Outcome decoder_to_rga(const Setup& setup);

/// odd-rows: a picture 34 pixels wide. Catches: what a driver programs wrong and only the hardware
/// can see; the board's complaint is what is looked at. Driver: rockchip-rga.
[[nodiscard]] Outcome odd_rows(const Setup& setup);

/// several-contexts: three decoders of different streams and two scalers at once. Catches: fences
/// that are of another queue or signalled by another's job. Driver: hantro-vpu (with rockchip-rga).
[[nodiscard]] Outcome several_contexts(const Setup& setup);

/// kms-consumer: a display flips to the dma-buf in mid-job. Catches: a display that shows frames
/// which are not there yet. Driver: vicodec.
[[nodiscard]] Outcome kms_consumer(const Setup& setup);

/// lockdep-stress: see run_stress(). Catches: lock orders that can deadlock, fences that are left
/// behind by aborts and kills.
[[nodiscard]] Outcome lockdep_stress(const Setup& setup);

/// cost: samples in ns of what the kernel recorded of attaching a fence and of vb2_buffer_done(),
/// of QBUF to DQBUF, of EXPORT_SYNC_FILE with close, and of poll(). Drivers: vicodec, visl.
[[nodiscard]] Outcome cost(const Setup& setup);

}  // namespace relfence::cases
