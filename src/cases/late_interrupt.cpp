// SPDX-License-Identifier: MIT
// late-interrupt: a job hangs, the driver resets the hardware and starts the next job, and then the
// interrupt of the first one comes after all. It must not end the second one.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <sstream>
#include <string_view>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include <relfence/dmabuf/dma_buf.hpp>

#include "cases/apart.hpp"
#include "cases/case.hpp"
#include "cases/one_job.hpp"
#include "cases/seen.hpp"
#include "players/player.hpp"

namespace relfence::cases {
namespace {

using namespace std::chrono_literals;

/// Longer than a job of the board takes: whatever the hardware still writes is there then.
constexpr auto after_the_job = 500ms;

/// How many interrupts the hardware of a driver has raised, as /proc/interrupts counts them.
unsigned count_interrupts(std::string_view driver) {
    const std::string_view device = driver == "rockchip-rga" ? ".rga" : ".video-codec";
    std::ifstream file{"/proc/interrupts"};
    unsigned sum = 0;
    for (std::string line; std::getline(file, line);) {
        if (!line.ends_with(device)) continue;
        std::istringstream words{line};
        std::string number;
        unsigned count = 0;
        if (words >> number >> count) sum += count;
    }
    return sum;
}

Result<std::string> see_next(viewing::JobSource& source, const viewing::Handover& next) {
    // DQBUF of the hung job may return before the driver has started this one.
    players::let_driver_go_idle();
    const auto file = dmabuf::export_sync_file(next.dma_buf, dmabuf::Access::read);
    if (!file) return tl::make_unexpected(file.error());
    const auto during = file->fences();
    if (!during) return tl::make_unexpected(during.error());
    if (auto ok = still_in_flight(source); !ok) return tl::make_unexpected(ok.error());
    const auto done = source.finish();
    const auto after = file->fences();
    if (!after) return tl::make_unexpected(after.error());
    const std::vector<std::uint8_t> at_the_end{next.pixels.begin(), next.pixels.end()};
    std::this_thread::sleep_for(after_the_job);
    std::string text = whose(*during);
    if (!sync::is_stub(*during)) text += ", " + state(*after);
    if (!std::ranges::equal(at_the_end, next.pixels)) return text + ", written after its end";
    return text + (done ? ", whole" : ", ended with an error");
}

Result<std::string> see(const std::string& driver) {
    auto jobs = players::open_jobs(driver, 2, {}, 0ms);
    if (!jobs) return tl::make_unexpected(jobs.error());
    viewing::JobSource& source = *jobs->source;
    const unsigned before = count_interrupts(driver);
    const auto hung = source.submit(0, viewing::Before::zeros);
    if (!hung) return tl::make_unexpected(hung.error());
    const auto next = source.submit(1, viewing::Before::zeros);
    if (!next) return tl::make_unexpected(next.error());
    const auto file = dmabuf::export_sync_file(hung->dma_buf, dmabuf::Access::read);
    if (!file) return tl::make_unexpected(file.error());
    const auto during = file->fences();
    if (!during) return tl::make_unexpected(during.error());
    auto done = source.finish();
    // The controls of the case: the job hangs, and its interrupt comes in the end.
    if (done) return fail("was done", "a job that hangs");
    if (done.error().code == ETIMEDOUT) {
        // STREAMOFF would wait for it, and so would close(): the process stays behind.
        static_cast<void>(jobs->source.release());
        return describe(*during) + "; never ends";
    }
    const auto after = file->fences();
    if (!after) return tl::make_unexpected(after.error());
    const OneJob first{*during, *after, std::move(done), *hung};
    auto second = see_next(source, *next);
    if (!second) return second;
    if (const unsigned count = count_interrupts(driver) - before; count != 2)
        return fail(fmt::format("raised {} interrupts and not 2", count), "hardware");
    return fmt::format("{}; next job: {}", describe(first), *second);
}

}  // namespace

Outcome late_interrupt(const Setup& setup) {
    return Outcome::of(look_apart([&] { return see(setup.driver); }));
}

}  // namespace relfence::cases
