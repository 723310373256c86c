// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <relfence/base/error.hpp>

#include "players/clip.hpp"
#include "players/memory.hpp"
#include "viewing/producer.hpp"

namespace relfence::players {

/// Whether a driver has hardware behind it that was started with the time that a job takes.
[[nodiscard]] bool has_hardware(std::string_view driver);

/// How long a driver's jobs take, for as long as this lives: the parameter that the lab's patches
/// add to the test drivers. Puts the old value back. Move-only.
class JobTime {
  public:
    /// @param driver "vicodec" or "visl"; nothing happens for one with hardware
    /// Fails, with ENOENT, on a kernel without the parameter.
    [[nodiscard]] static Result<JobTime> set(std::string_view driver,
                                             std::chrono::milliseconds time);
    JobTime(JobTime&& other) noexcept;
    JobTime& operator=(JobTime&&) = delete;
    JobTime(const JobTime&) = delete;
    ~JobTime();

  private:
    JobTime(std::string path, std::string old) : path_{std::move(path)}, old_{std::move(old)} {}
    std::string path_;
    std::string old_;
};

/// A driver at work whose jobs take their time, for those who look at fences and not at frames.
struct Jobs {
    std::vector<JobTime> time;   ///< none for a driver that has a control for it
    std::unique_ptr<Clip> clip;  ///< at a fixed address: the source refers to it
    std::unique_ptr<viewing::JobSource> source;
};

/// Lets a driver finish its last job. DQBUF returns when the buffer is done, and a driver may
/// finish its job only after that; what is submitted in between starts, and gets its fence, only
/// later.
void let_driver_go_idle();

/// How many frames open_jobs() can submit before rewind().
inline constexpr unsigned jobs_in_a_row = 4;

/// Opens a driver and leaves it idle.
/// @param driver "vim2m", "vicodec", "visl", "hantro-vpu" or "rockchip-rga" @param depth CAPTURE
/// buffers
[[nodiscard]] Result<Jobs> open_jobs(std::string_view driver, unsigned depth, const Memory& memory,
                                     std::chrono::milliseconds job_time);

/// A producer of a clip with the frames that a consumer must see.
struct Player {
    std::unique_ptr<Clip> clip;  ///< at a fixed address: the producer refers to it
    std::unique_ptr<viewing::Producer> producer;
    std::vector<image::Frame> reference;
    double judgement = 0;  ///< the lowest of Producer::judge() over the reference
};

/// Makes the clip, opens the driver and records the reference, at full speed.
/// @param driver "vicodec" (any layout), "hantro-vpu" or "visl" (nv12) @param depth CAPTURE buffers
/// @param first of "hantro-vpu": the frame of the scene with which the clip begins
[[nodiscard]] Result<Player> open_player(std::string_view driver, image::Layout layout,
                                         unsigned frames, unsigned depth, unsigned first = 0);

}  // namespace relfence::players
