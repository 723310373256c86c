// SPDX-License-Identifier: MIT
// imported-*: the driver writes into dma-bufs of somebody else's.
#include <chrono>

#include <fmt/format.h>

#include <relfence/dmabuf/dma_buf.hpp>

#include "cases/case.hpp"
#include "cases/seen.hpp"
#include "players/player.hpp"

namespace relfence::cases {
namespace {

using namespace std::chrono_literals;

constexpr auto job_time = 200ms;

}  // namespace

Outcome imported(const Setup& setup, const players::Memory& memory) {
    auto jobs = players::open_jobs(setup.driver, 1, memory, job_time);
    if (!jobs) return Outcome::error(jobs.error());
    const auto handover = jobs->source->submit(0, viewing::Before::stale);
    if (!handover) return Outcome::error(handover.error());
    const auto file = dmabuf::export_sync_file(handover->dma_buf, dmabuf::Access::read);
    if (!file) return Outcome::error(file.error());
    const auto during = file->fences();
    if (!during) return Outcome::error(during.error());
    if (auto ok = jobs->source->finish(); !ok) return Outcome::error(ok.error());
    const auto after = file->fences();
    if (!after) return Outcome::error(after.error());
    Outcome outcome;
    outcome.seen = sync::is_stub(*during)
                       ? describe(*during)
                       : fmt::format("{}; at DQBUF {}", describe(*during), state(*after));
    return outcome;
}

}  // namespace relfence::cases
