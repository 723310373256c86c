// SPDX-License-Identifier: MIT
#include "players/player.hpp"

#include <filesystem>
#include <fstream>
#include <malloc.h>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "players/converter_jobs.hpp"
#include "players/hantro_vp8_producer.hpp"
#include "players/vicodec_producer.hpp"
#include "players/visl_producer.hpp"
#include "players/vp8_clip.hpp"
#include "viewing/viewing.hpp"

namespace relfence::players {
namespace {

/// Frames come and go by the hundred, and a page fault is dear in User Mode Linux: memory that was
/// freed stays with the process. Makes a clip five times faster there.
void keep_freed_memory() {
    constexpr int most = 32 << 20;  // the largest threshold that glibc takes
    ::mallopt(M_MMAP_THRESHOLD, most);
    ::mallopt(M_TRIM_THRESHOLD, 1 << 30);
}

std::string parameter(std::string_view driver) {
    return driver == "visl" ? "/sys/module/visl/parameters/visl_transtime_ms"
                            : fmt::format("/sys/module/{}/parameters/job_ms", driver);
}

}  // namespace

bool has_hardware(std::string_view driver) {
    return driver == "hantro-vpu" || driver == "rockchip-rga";
}

Result<JobTime> JobTime::set(std::string_view driver, std::chrono::milliseconds time) {
    if (has_hardware(driver)) return JobTime{{}, {}};
    std::string path = parameter(driver);
    std::string old;
    if (!std::getline(std::ifstream{path}, old)) return fail_errno("read", path, ENOENT);
    std::ofstream file{path};
    file << time.count() << std::flush;
    if (!file) return fail_errno("write", path, EIO);
    return JobTime{std::move(path), std::move(old)};
}

JobTime::JobTime(JobTime&& other) noexcept
    : path_{std::exchange(other.path_, {})}, old_{std::move(other.old_)} {}

JobTime::~JobTime() {
    if (!path_.empty()) std::ofstream{path_} << old_;
}

void let_driver_go_idle() {
    // The guest has one CPU: when we sleep, the driver's worker runs.
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
}

Result<Jobs> open_jobs(std::string_view driver, unsigned depth, const Memory& memory,
                       std::chrono::milliseconds job_time) {
    Jobs jobs;
    const auto take = [&](auto source) -> Result<void> {
        if (!source) return tl::make_unexpected(source.error());
        jobs.source = std::move(*source);
        return {};
    };
    Result<void> open = fail("is no driver that is played here", driver);
    if (driver == "vim2m") {
        open = take(open_vim2m(depth, memory, job_time));
    } else if (driver == "hantro-vpu") {
        auto clip = make_vp8_clip(jobs_in_a_row);
        if (!clip) return tl::make_unexpected(clip.error());
        jobs.clip = std::make_unique<Clip>(std::move(*clip));
        open = take(open_hantro_vp8(*jobs.clip, depth, memory));
    } else if (driver == "rockchip-rga") {
        open = take(open_rga(depth, memory));
    } else if (driver == "visl") {
        open = take(open_visl(depth, memory));
    } else if (driver == "vicodec") {
        auto clip = make_clip(image::Layout::nv12, jobs_in_a_row);
        if (!clip) return tl::make_unexpected(clip.error());
        jobs.clip = std::make_unique<Clip>(std::move(*clip));
        open = take(open_vicodec(*jobs.clip, depth, memory));
    }
    if (!open) return tl::make_unexpected(open.error());
    let_driver_go_idle();
    if (driver == "vim2m") return jobs;  // has a control for it
    auto time = JobTime::set(driver, job_time);
    if (!time) return tl::make_unexpected(time.error());
    jobs.time.push_back(std::move(*time));
    return jobs;
}

Result<Player> open_player(std::string_view driver, image::Layout layout, unsigned frames,
                           unsigned depth, unsigned first) {
    keep_freed_memory();
    Player player;
    const auto take = [&](Result<std::unique_ptr<viewing::Producer>> producer) -> Result<void> {
        if (!producer) return tl::make_unexpected(producer.error());
        player.producer = std::move(*producer);
        return {};
    };
    if (driver == "vicodec") {
        auto clip = make_clip(layout, frames);
        if (!clip) return tl::make_unexpected(clip.error());
        player.clip = std::make_unique<Clip>(std::move(*clip));
        if (auto ok = take(open_vicodec(*player.clip, depth)); !ok)
            return tl::make_unexpected(ok.error());
    } else if (driver == "hantro-vpu" && layout == image::Layout::nv12) {
        auto clip = make_vp8_clip(frames, first);
        if (!clip) return tl::make_unexpected(clip.error());
        player.clip = std::make_unique<Clip>(std::move(*clip));
        if (auto ok = take(open_hantro_vp8(*player.clip, depth)); !ok)
            return tl::make_unexpected(ok.error());
    } else if (driver == "visl" && layout == image::Layout::nv12) {
        if (auto ok = take(open_visl(depth)); !ok) return tl::make_unexpected(ok.error());
    } else {
        return fail("plays no clip in that layout", driver);
    }
    auto reference = viewing::record_reference(*player.producer, frames, player.judgement);
    if (!reference) return tl::make_unexpected(reference.error());
    player.reference = std::move(*reference);
    return player;
}

}  // namespace relfence::players
