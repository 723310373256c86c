// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <memory>

#include "players/memory.hpp"
#include "viewing/producer.hpp"

namespace relfence::players {

/// Makes vim2m, the converter that copies at once and ends its job by a timer, do jobs.
/// @param depth jobs that may be queued @param job_time what the timer is set to
[[nodiscard]] Result<std::unique_ptr<viewing::JobSource>> open_vim2m(
    unsigned depth, const Memory& memory, std::chrono::milliseconds job_time);

/// Makes rockchip-rga, the scaler of Rockchip's boards, copy frames. How long a job takes is the
/// hardware's affair.
/// @param depth jobs that may be queued @param width of the frames in pixels
[[nodiscard]] Result<std::unique_ptr<viewing::JobSource>> open_rga(unsigned depth,
                                                                   const Memory& memory,
                                                                   unsigned width = 64);

}  // namespace relfence::players
