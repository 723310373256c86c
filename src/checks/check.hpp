// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <relfence/base/error.hpp>

#include "jobs/memory.hpp"
#include "jobs/queue_pair.hpp"
#include "jobs/workload.hpp"

namespace relfence::checks {

enum class Verdict {
    pass,
    fail,   ///< the driver does something wrong
    warn,   ///< the driver does what V4L2 allows, and users see something wrong all the same
    skip,   ///< nothing was tested, for a reason
    error,  ///< this program could not do its work; says nothing of the driver
};
[[nodiscard]] std::string_view name_of(Verdict verdict);

/// What a check found.
struct Finding {
    Verdict verdict = Verdict::error;
    std::string text;          ///< what was seen, or the reason; one line
    bool device_busy = false;  ///< another program has the device: other checks would say the same

    static Finding pass(std::string seen) { return {Verdict::pass, std::move(seen), false}; }
    static Finding fail(std::string seen) { return {Verdict::fail, std::move(seen), false}; }
    static Finding warn(std::string seen) { return {Verdict::warn, std::move(seen), false}; }
    static Finding skip(std::string reason) { return {Verdict::skip, std::move(reason), false}; }
    /// A skip instead, when it is only that the device cannot be used in the way of this program.
    static Finding error(const relfence::Error& error) {
        return {jobs::is_cannot_use(error) ? Verdict::skip : Verdict::error, error.message(),
                error.code == EBUSY};
    }
};

/// A device that can be brought to work, as often as a check likes. Each time it is fresh, and what
/// was set goes with the result.
struct Subject {
    std::function<Result<std::unique_ptr<jobs::QueuePair>>(
        unsigned depth, const jobs::Memory& memory, jobs::PictureSize size)>
        open;
};

/// A check: what a driver owes to those who hold its frames as dma-bufs.
struct Check {
    const char* name;
    const char* title;    ///< what must hold, in some words
    const char* symptom;  ///< what a user sees when it does not
    Finding (*run)(const Subject& subject);
};

/// All of them, in the order in which they run: those that may leave a broken driver stuck come
/// last. Each has a section in docs/checks.md, with the bug that it catches.
[[nodiscard]] const std::vector<Check>& all_checks();

Finding in_flight_fence(const Subject& subject);
Finding fence_signals(const Subject& subject);
Finding in_flight_poll(const Subject& subject);
Finding shared_exports(const Subject& subject);
Finding imported_udmabuf(const Subject& subject);
Finding imported_heap(const Subject& subject);
Finding imported_vgem(const Subject& subject);
Finding frame_complete(const Subject& subject);
Finding starved_output(const Subject& subject);
Finding held_capture(const Subject& subject);
Finding failed_job(const Subject& subject);
Finding reader_fence(const Subject& subject);
Finding abort_streamoff(const Subject& subject);
Finding abort_close(const Subject& subject);

}  // namespace relfence::checks
