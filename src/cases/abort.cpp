// SPDX-License-Identifier: MIT
// abort-streamoff, abort-close, abort-kill: the player goes away in mid-job; whoever waits for its
// frames must not wait for ever.
#include <array>
#include <chrono>
#include <optional>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

extern "C" {
#include <sys/pidfd.h>  // says itself that it is C only since glibc 2.37
}

#include <fmt/format.h>

#include <relfence/dmabuf/dma_buf.hpp>

#include "cases/case.hpp"
#include "cases/one_job.hpp"
#include "cases/seen.hpp"
#include "players/player.hpp"

namespace relfence::cases {
namespace {

using namespace std::chrono_literals;

/// The running job, and two that wait behind it.
constexpr unsigned queued = 3;
constexpr auto job_time = 200ms;
constexpr auto patience = 5s;

/// What a consumer holds of the frames that were queued.
struct Held {
    std::vector<sync::SyncFile> files;
    std::vector<std::string> owners;
};

Result<Held> take(const std::vector<int>& dma_bufs) {
    Held held;
    for (const int dma_buf : dma_bufs) {
        auto file = dmabuf::export_sync_file(dma_buf, dmabuf::Access::read);
        if (!file) return tl::make_unexpected(file.error());
        const auto fences = file->fences();
        if (!fences) return tl::make_unexpected(fences.error());
        // Else there is nothing that an abort could end.
        if (!sync::is_stub(*fences) && !fences->front().active())
            return fail("ended before it was aborted", "job", "is the machine overloaded?");
        held.owners.push_back(whose(*fences));
        held.files.push_back(std::move(*file));
    }
    return held;
}

/// What became of the running job's fence, and how many of the frames behind it had one, if any.
Result<std::string> what_became_of(const Held& held) {
    unsigned behind = 0;
    unsigned stuck = 0;
    std::string running = held.owners.front();
    for (unsigned i = 0; i < held.files.size(); ++i) {
        if (held.owners[i] == "no fence") continue;
        const auto signalled = held.files[i].wait(patience);
        if (!signalled) return tl::make_unexpected(signalled.error());
        stuck += *signalled ? 0U : 1U;
        const auto after = held.files[i].fences();
        if (!after) return tl::make_unexpected(after.error());
        if (i == 0)
            running += ", " + state(*after);
        else
            ++behind;
    }
    if (stuck > 0) return fmt::format("{} of {} fences never signal", stuck, held.files.size());
    if (behind == 0) return running;
    return fmt::format("{}; {} of {} behind it had one", running, behind, held.files.size() - 1);
}

Result<std::vector<int>> submit_all(viewing::JobSource& source) {
    if (auto ok = source.rewind(); !ok) return tl::make_unexpected(ok.error());
    std::vector<int> dma_bufs;
    for (unsigned i = 0; i < queued; ++i) {
        const auto handover = source.submit(i, viewing::Before::stale);
        if (!handover) return tl::make_unexpected(handover.error());
        dma_bufs.push_back(handover->dma_buf);
    }
    return dma_bufs;
}

Result<std::string> abort_own(const Setup& setup, bool close) {
    auto jobs = players::open_jobs(setup.driver, queued, {}, job_time);
    if (!jobs) return tl::make_unexpected(jobs.error());
    const auto dma_bufs = submit_all(*jobs->source);
    if (!dma_bufs) return tl::make_unexpected(dma_bufs.error());
    const auto held = take(*dma_bufs);
    if (!held) return tl::make_unexpected(held.error());
    if (auto ok = still_in_flight(*jobs->source); !ok) return tl::make_unexpected(ok.error());
    if (close)
        jobs->source.reset();
    else if (auto ok = jobs->source->rewind(); !ok)
        return tl::make_unexpected(ok.error());
    return what_became_of(*held);
}

/// A process that plays until it is killed. Tells its dma-bufs by number through a pipe.
class Victim {
  public:
    static Result<Victim> start(const std::string& driver) {
        int ends[2];
        if (::pipe(ends) != 0) return fail_errno("pipe", "victim");
        const UniqueFd read{ends[0]};
        UniqueFd write{ends[1]};
        const pid_t child = ::fork();
        if (child < 0) return fail_errno("fork", "victim");
        if (child == 0) play(driver, write.get());
        Victim victim{child};
        write.reset();
        std::array<int, queued> numbers{};
        if (::read(read.get(), numbers.data(), sizeof numbers) != sizeof numbers)
            return fail("could not play", "victim", driver);
        victim.numbers_.assign(numbers.begin(), numbers.end());
        return victim;
    }
    Victim(Victim&& other) noexcept
        : pid_{std::exchange(other.pid_, -1)}, numbers_{std::move(other.numbers_)} {}
    Victim& operator=(Victim&&) = delete;
    Victim(const Victim&) = delete;
    ~Victim() { kill(); }

    /// Its dma-bufs, as a compositor has them that was sent them.
    [[nodiscard]] Result<std::vector<UniqueFd>> dma_bufs() const {
        const UniqueFd process{::pidfd_open(pid_, 0)};
        if (!process.valid()) return fail_errno("pidfd_open", "victim");
        std::vector<UniqueFd> own;
        for (const int number : numbers_) {
            own.emplace_back(::pidfd_getfd(process.get(), number, 0));
            if (!own.back().valid()) return fail_errno("pidfd_getfd", "victim");
        }
        return own;
    }
    void kill() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }

  private:
    explicit Victim(pid_t pid) : pid_{pid} {}

    [[noreturn]] static void play(const std::string& driver, int tell) {
        auto jobs = players::open_jobs(driver, queued, {}, job_time);
        const auto dma_bufs = jobs ? submit_all(*jobs->source)
                                   : Result<std::vector<int>>{tl::make_unexpected(jobs.error())};
        if (!dma_bufs) ::_exit(1);
        if (::write(tell, dma_bufs->data(), dma_bufs->size() * sizeof(int)) < 0) ::_exit(1);
        while (true) ::pause();
    }

    pid_t pid_;
    std::vector<int> numbers_;
};

Result<std::string> abort_kill_victim(const Setup& setup) {
    // The victim cannot put the job time back when it is killed.
    std::optional<players::JobTime> time;
    if (setup.driver != "vim2m") {
        auto set = players::JobTime::set(setup.driver, 0ms);
        if (!set) return tl::make_unexpected(set.error());
        time.emplace(std::move(*set));
    }
    auto victim = Victim::start(setup.driver);
    if (!victim) return tl::make_unexpected(victim.error());
    const auto dma_bufs = victim->dma_bufs();
    if (!dma_bufs) return tl::make_unexpected(dma_bufs.error());
    std::vector<int> numbers;
    for (const UniqueFd& dma_buf : *dma_bufs) numbers.push_back(dma_buf.get());
    const auto held = take(numbers);
    if (!held) return tl::make_unexpected(held.error());
    victim->kill();
    return what_became_of(*held);
}

}  // namespace

Outcome abort_streamoff(const Setup& setup) {
    return Outcome::of(abort_own(setup, false));
}

Outcome abort_close(const Setup& setup) {
    return Outcome::of(abort_own(setup, true));
}

Outcome abort_kill(const Setup& setup) {
    return Outcome::of(abort_kill_victim(setup));
}

}  // namespace relfence::cases
