// SPDX-License-Identifier: MIT
// eager-frames: a consumer that gets the dma-buf at submit reads every frame of a clip.
#include <fmt/format.h>

#include "cases/case.hpp"
#include "cases/pictures.hpp"
#include "players/player.hpp"
#include "viewing/viewing.hpp"

namespace relfence::cases {
namespace {

using namespace std::chrono_literals;
using viewing::Wait;

constexpr auto eager_frames_job_time = 20ms;
constexpr unsigned eager_buffers = 4;
/// Enough to show that not waiting is wrong; more would only cost time.
constexpr unsigned control_frames = 6;

}  // namespace

Outcome eager_frames(const Setup& setup) {
    const unsigned frames = setup.quick ? 12 : 30;
    auto player = players::open_player(setup.driver, image::Layout::nv12, frames, eager_buffers);
    if (!player) return Outcome::error(player.error());
    const auto slow = players::JobTime::set(setup.driver, eager_frames_job_time);
    if (!slow) return Outcome::skip(slow.error());

    // Negative control: a reader that does not wait at all must see wrong frames, else the job is
    // over before anyone can look, and a zero below would mean nothing.
    const std::vector<image::Frame> few{player->reference.begin(),
                                        player->reference.begin() + control_frames};
    const auto control = viewing::watch(
        *player->producer, {.wait = Wait::nothing, .job_time = eager_frames_job_time}, few);
    if (!control) return Outcome::error(control.error());
    if (control->differ == 0)
        return Outcome::error(fail("sees every frame right: the job is too short",
                                   "a reader that "
                                   "does not wait")
                                  .value());

    Outcome outcome;
    outcome.details["frames"] = frames;
    outcome.details["control_differ"] = fmt::format("{} of {}", control->differ, control_frames);
    outcome.details["reference_judged"] = player->judgement;
    std::vector<std::string> parts;
    for (const Wait wait : {Wait::poll, Wait::sync_file}) {
        const auto viewing =
            viewing::watch(*player->producer, {.wait = wait, .job_time = eager_frames_job_time},
                           player->reference);
        if (!viewing) return Outcome::error(viewing.error());
        const std::string name{viewing::name(wait)};
        outcome.details[name] = {{"had_fence", viewing->had_fence},
                                 {"differ", viewing->differ},
                                 {"timed_out", viewing->timed_out}};
        outcome.add_samples(name + "_differing_pixels", "pixels", viewing->differing_pixels);
        parts.push_back(fmt::format("{}: {} of {} frames differ", name, viewing->differ, frames));
        if (viewing->worst && outcome.artifacts.empty())
            if (auto saved = save_pictures(setup, "eager", *viewing->worst, outcome); !saved)
                return Outcome::error(saved.error());
    }
    outcome.seen = fmt::format("{}", fmt::join(parts, "; "));
    return outcome;
}

}  // namespace relfence::cases
