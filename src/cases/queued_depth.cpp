// SPDX-License-Identifier: MIT
// queued-depth: the same consumer while the player keeps several jobs queued.
#include <fmt/format.h>

#include "cases/case.hpp"
#include "cases/pictures.hpp"
#include "players/player.hpp"
#include "viewing/viewing.hpp"

namespace relfence::cases {
namespace {

using namespace std::chrono_literals;

constexpr auto queued_depth_job_time = 20ms;

}  // namespace

Outcome queued_depth(const Setup& setup, unsigned depth) {
    const unsigned frames = setup.quick ? 12 : 24;
    auto player = players::open_player(setup.driver, image::Layout::nv12, frames, depth);
    if (!player) return Outcome::error(player.error());
    const auto slow = players::JobTime::set(setup.driver, queued_depth_job_time);
    if (!slow) return Outcome::skip(slow.error());
    const auto viewing = viewing::watch(
        *player->producer,
        {.wait = viewing::Wait::sync_file, .depth = depth, .job_time = queued_depth_job_time},
        player->reference);
    if (!viewing) return Outcome::error(viewing.error());

    Outcome outcome;
    outcome.details = {{"frames", frames},
                       {"had_fence", viewing->had_fence},
                       {"differ", viewing->differ},
                       {"timed_out", viewing->timed_out},
                       {"reference_judged", player->judgement}};
    outcome.add_samples("differing_pixels", "pixels", viewing->differing_pixels);
    outcome.seen =
        fmt::format("{} of {} had a fence, {} differ", viewing->had_fence, frames, viewing->differ);
    return outcome;
}

}  // namespace relfence::cases
