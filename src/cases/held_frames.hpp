// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <string>
#include <sys/types.h>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/base/unique_fd.hpp>
#include <relfence/sync/sync_file.hpp>

#include "viewing/producer.hpp"

namespace relfence::cases {

/// The running job, and two that wait behind it.
inline constexpr unsigned queued_jobs = 3;

/// What a consumer holds of the frames that were queued when the player goes away in mid-job.
class HeldFrames {
  public:
    /// @param dma_bufs of the frames, that of the running job first
    /// Fails when the running job's fence has signalled already: then there is nothing to abort.
    [[nodiscard]] static Result<HeldFrames> take(const std::vector<int>& dma_bufs);
    /// Waits for the fences. @return what became of the running job's fence, and how many of the
    /// frames behind it had one, if any: "vim2m vb2-cap-N, signalled"
    [[nodiscard]] Result<std::string> what_became_of_them() const;

  private:
    std::vector<sync::SyncFile> files_;
    std::vector<std::string> owners_;
};

/// Starts again and submits queued_jobs frames. @return their dma-bufs, borrowed
[[nodiscard]] Result<std::vector<int>> submit_jobs(viewing::JobSource& source);

/// Waits for a child process, not longer than @p time. @param status of its end, if not null
[[nodiscard]] bool ended_within(pid_t child, std::chrono::milliseconds time, int* status = nullptr);

/// A process that plays until it is killed, with queued_jobs frames submitted. Move-only.
class Victim {
  public:
    /// Returns when the frames are submitted.
    [[nodiscard]] static Result<Victim> start(const std::string& driver);
    Victim(Victim&& other) noexcept;
    Victim& operator=(Victim&&) = delete;
    Victim(const Victim&) = delete;
    ~Victim() { kill(); }

    /// Its dma-bufs, as a compositor has them that was sent them.
    [[nodiscard]] Result<std::vector<UniqueFd>> dma_bufs() const;
    /// Kills it, and waits for its end. @return whether that came: a driver may hold it for ever
    bool kill();

  private:
    explicit Victim(pid_t pid) : pid_{pid} {}
    pid_t pid_;
    std::vector<int> numbers_;
};

}  // namespace relfence::cases
