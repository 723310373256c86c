// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/sync/sync_file.hpp>

#include "viewing/producer.hpp"

namespace relfence::cases {

/// The fences that stand in the way of a reader of @p dma_buf now.
[[nodiscard]] Result<std::vector<sync::Fence>> look(int dma_buf);

/// Fails when the oldest job has ended: what was seen of it then says nothing about a job in
/// flight.
[[nodiscard]] Result<void> still_in_flight(viewing::JobSource& source);

/// One job as a consumer sees it who exports a sync_file while it runs.
struct OneJob {
    std::vector<sync::Fence> during;  ///< looked at in flight
    std::vector<sync::Fence> after;   ///< the same fences when VIDIOC_DQBUF has returned
    Result<void> done;                ///< what JobSource::finish() said
    viewing::Handover handover;
};

/// Submits frame 0 and follows it to its end. Fails when the job ended before it was looked at.
[[nodiscard]] Result<OneJob> watch_one_job(viewing::JobSource& source,
                                           viewing::Before before = viewing::Before::stale);

/// "no fence", or "vim2m vb2-cap-N, active; at DQBUF signalled".
[[nodiscard]] std::string describe(const OneJob& job);

}  // namespace relfence::cases
