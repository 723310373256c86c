// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <climits>

#include <relfence/base/error.hpp>
#include <relfence/sync/sync_file.hpp>

#include "checks/check.hpp"

namespace relfence::checks {

/// Longer than any job takes, and what anybody would wait for a frame.
inline constexpr std::chrono::seconds patience{5};

/// The fences that stand in the way of a reader, as they were, and to be looked at again.
struct Look {
    sync::SyncFile file;
    std::vector<sync::Fence> fences;
    /// Somebody's, and not the stub that stands for none.
    [[nodiscard]] bool has_fence() const { return !fences.empty() && !sync::is_stub(fences); }
};
[[nodiscard]] Result<Look> look(int dma_buf);

/// "hantro-vpu vb2-cap-3, active".
[[nodiscard]] std::string words_for(const std::vector<sync::Fence>& fences);
[[nodiscard]] std::string words_for(const sync::SyncFile& file);

/// What a look at a running job gave.
struct Watched {
    std::optional<Look> found;  ///< the first look with a fence
    unsigned looks = 0;         ///< without a fence, while the job surely was in flight
};
/// Looks at the frame of the oldest job until there is a fence or the job is over. Not once: a
/// driver may start a job some time after it was queued.
/// @param most looks without a fence, after which it gives up
[[nodiscard]] Result<Watched> watch(jobs::JobSource& source, int dma_buf, unsigned most = UINT_MAX);

/// A job that was submitted and watched.
struct Started {
    jobs::Handover frame;
    Watched watched;
};
/// Submits the job of a frame and watches it. @param most as watch() @param before what the buffer
/// holds: an old frame
[[nodiscard]] Result<Started> start_job(jobs::JobSource& source, unsigned index,
                                        unsigned most = UINT_MAX,
                                        jobs::Before before = jobs::Before::stale);

/// What an attempt to see a job in flight came to.
struct Attempt {
    enum class Kind {
        too_late,  ///< the job was over before it could be looked at
        no_fence,  ///< it was looked at, and there was none
        concluded,
    };
    Kind kind = Kind::too_late;
    Finding finding{};

    static Attempt too_late() { return {}; }
    static Attempt no_fence() { return {Kind::no_fence, {}}; }
    /// After watch() found no fence.
    static Attempt without_fence(const Watched& watched);
    static Attempt pass(std::string seen) {
        return {Kind::concluded, Finding::pass(std::move(seen))};
    }
    static Attempt fail(std::string seen) {
        return {Kind::concluded, Finding::fail(std::move(seen))};
    }
    static Attempt skip(std::string reason) {
        return {Kind::concluded, Finding::skip(std::move(reason))};
    }
};

/// Brings a device to work and tries to see a job in flight: several times, then with larger
/// frames, since fast hardware may be done before we look. That it has no fence is believed after
/// three jobs that were seen without.
/// @param attempt is given the idle device and the number of the next frame; leaves it idle
/// @param needs_fresh the attempt spends the device: each gets a new one
[[nodiscard]] Finding try_in_flight(
    const Subject& subject, unsigned depth, const jobs::Memory& memory,
    const std::function<Result<Attempt>(std::unique_ptr<jobs::QueuePair>& source, unsigned index)>&
        attempt,
    bool needs_fresh = false);

/// Runs a test in each kind of memory that the driver takes, until it does not pass: a driver may
/// treat its own and that of others in different ways.
/// @param test is given the device and its frame number 0, which is queued, without a job
[[nodiscard]] Finding in_each_memory(
    const Subject& subject, unsigned depth,
    const std::function<Result<Finding>(jobs::QueuePair& source, const jobs::Handover& frame)>&
        test);

}  // namespace relfence::checks
