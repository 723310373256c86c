// SPDX-License-Identifier: MIT
// kms-consumer: a display is handed the dma-buf in mid-job.
#include <fmt/format.h>

#include "cases/case.hpp"
#include "cases/pictures.hpp"
#include "players/player.hpp"
#include "viewing/display_viewing.hpp"

namespace relfence::cases {
namespace {

using namespace std::chrono_literals;

/// Several frame times of the display: a flip that does not wait comes in mid-job for certain.
constexpr auto kms_consumer_job_time = 70ms;
constexpr unsigned shown_buffers = 3;

}  // namespace

Outcome kms_consumer(const Setup& setup) {
    const unsigned frames = setup.quick ? 5 : 12;
    auto player =
        players::open_player(setup.driver, image::Layout::xrgb8888, frames, shown_buffers);
    if (!player) return Outcome::error(player.error());
    auto display = kms::Device::open("vkms", players::clip_width, players::clip_height);
    if (!display) return Outcome::skip(display.error());

    // Negative control of the display itself: frames that are finished must come out right, else
    // a wrong one below would be the display's fault and not the fence's.
    const auto control = viewing::watch_on_display(*player->producer, *display, player->reference);
    if (!control) return Outcome::error(control.error());
    if (control->viewing.differ != 0)
        return Outcome::error(fail("does not show finished frames as they are", "vkms").value());

    const auto slow = players::JobTime::set(setup.driver, kms_consumer_job_time);
    if (!slow) return Outcome::skip(slow.error());
    const auto shown = viewing::watch_on_display(*player->producer, *display, player->reference);
    if (!shown) return Outcome::error(shown.error());
    Outcome outcome;
    outcome.details = {{"frames", frames},
                       {"waited", shown->waited},
                       {"differ", shown->viewing.differ},
                       {"lost_captures", control->lost_captures + shown->lost_captures},
                       {"job_ms", kms_consumer_job_time.count()},
                       {"reference_judged", player->judgement}};
    outcome.add_samples("commit", "ns", shown->commit_ns);
    outcome.add_samples("handover_to_flip", "ns", shown->flip_ns);
    if (shown->viewing.worst)
        if (auto saved = save_pictures(setup, "kms", *shown->viewing.worst, outcome); !saved)
            return Outcome::error(saved.error());
    outcome.seen = fmt::format("{} of {} flips waited, {} of {} frames differ", shown->waited,
                               frames, shown->viewing.differ, frames);
    return outcome;
}

}  // namespace relfence::cases
