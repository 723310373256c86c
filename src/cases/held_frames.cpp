// SPDX-License-Identifier: MIT
#include "cases/held_frames.hpp"

#include <array>
#include <chrono>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

extern "C" {
#include <sys/pidfd.h>  // says itself that it is C only since glibc 2.37
}

#include <fmt/format.h>

#include <relfence/dmabuf/dma_buf.hpp>

#include "cases/seen.hpp"
#include "players/player.hpp"

namespace relfence::cases {
namespace {

using namespace std::chrono_literals;

constexpr auto held_job_time = 200ms;
constexpr auto held_patience = 5s;

[[noreturn]] void play(const std::string& driver, int tell) {
    auto jobs = players::open_jobs(driver, queued_jobs, {}, held_job_time);
    const auto dma_bufs = jobs ? submit_jobs(*jobs->source)
                               : Result<std::vector<int>>{tl::make_unexpected(jobs.error())};
    if (!dma_bufs) ::_exit(1);
    if (::write(tell, dma_bufs->data(), dma_bufs->size() * sizeof(int)) < 0) ::_exit(1);
    while (true) ::pause();
}

}  // namespace

bool ended_within(pid_t child, std::chrono::milliseconds time, int* status) {
    const UniqueFd process{::pidfd_open(child, 0)};
    pollfd end{process.get(), POLLIN, 0};
    if (!process.valid() || ::poll(&end, 1, static_cast<int>(time.count())) != 1) return false;
    return ::waitpid(child, status, 0) == child;
}

Result<HeldFrames> HeldFrames::take(const std::vector<int>& dma_bufs) {
    HeldFrames held;
    for (const int dma_buf : dma_bufs) {
        auto file = dmabuf::export_sync_file(dma_buf, dmabuf::Access::read);
        if (!file) return tl::make_unexpected(file.error());
        const auto fences = file->fences();
        if (!fences) return tl::make_unexpected(fences.error());
        if (!sync::is_stub(*fences) && !fences->front().active())
            return fail("ended before it was aborted", "job", "is the machine overloaded?");
        held.owners_.push_back(whose(*fences));
        held.files_.push_back(std::move(*file));
    }
    return held;
}

Result<std::string> HeldFrames::what_became_of_them() const {
    unsigned behind = 0;
    unsigned stuck = 0;
    std::string running = owners_.front();
    for (unsigned i = 0; i < files_.size(); ++i) {
        if (owners_[i] == "no fence") continue;
        const auto signalled = files_[i].wait(held_patience);
        if (!signalled) return tl::make_unexpected(signalled.error());
        stuck += *signalled ? 0U : 1U;
        const auto after = files_[i].fences();
        if (!after) return tl::make_unexpected(after.error());
        if (i == 0)
            running += ", " + state(*after);
        else
            ++behind;
    }
    if (stuck > 0) return fmt::format("{} of {} fences never signal", stuck, files_.size());
    if (behind == 0) return running;
    return fmt::format("{}; {} of {} behind it had one", running, behind, files_.size() - 1);
}

Result<std::vector<int>> submit_jobs(viewing::JobSource& source) {
    if (auto ok = source.rewind(); !ok) return tl::make_unexpected(ok.error());
    std::vector<int> dma_bufs;
    for (unsigned i = 0; i < queued_jobs; ++i) {
        const auto handover = source.submit(i, viewing::Before::stale);
        if (!handover) return tl::make_unexpected(handover.error());
        dma_bufs.push_back(handover->dma_buf);
    }
    return dma_bufs;
}

Result<Victim> Victim::start(const std::string& driver) {
    int ends[2];
    if (::pipe(ends) != 0) return fail_errno("pipe", "victim");
    const UniqueFd read{ends[0]};
    UniqueFd write{ends[1]};
    const pid_t child = ::fork();
    if (child < 0) return fail_errno("fork", "victim");
    if (child == 0) play(driver, write.get());
    Victim victim{child};
    write.reset();
    std::array<int, queued_jobs> numbers{};
    if (::read(read.get(), numbers.data(), sizeof numbers) != sizeof numbers)
        return fail("could not play", "victim", driver);
    victim.numbers_.assign(numbers.begin(), numbers.end());
    return victim;
}

Victim::Victim(Victim&& other) noexcept
    : pid_{std::exchange(other.pid_, -1)}, numbers_{std::move(other.numbers_)} {}

Result<std::vector<UniqueFd>> Victim::dma_bufs() const {
    const UniqueFd process{::pidfd_open(pid_, 0)};
    if (!process.valid()) return fail_errno("pidfd_open", "victim");
    std::vector<UniqueFd> own;
    for (const int number : numbers_) {
        own.emplace_back(::pidfd_getfd(process.get(), number, 0));
        if (!own.back().valid()) return fail_errno("pidfd_getfd", "victim");
    }
    return own;
}

bool Victim::kill() {
    if (pid_ <= 0) return true;
    const pid_t pid = std::exchange(pid_, -1);
    ::kill(pid, SIGKILL);
    return ended_within(pid, held_patience);
}

}  // namespace relfence::cases
