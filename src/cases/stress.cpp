// SPDX-License-Identifier: MIT
#include "cases/stress.hpp"

#include <algorithm>
#include <cstring>
#include <drm_fourcc.h>
#include <fcntl.h>
#include <fstream>
#include <linux/dma-buf.h>
#include <memory>
#include <mutex>
#include <poll.h>
#include <random>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>

#include <relfence/kms/device.hpp>
#include <relfence/v4l2/device.hpp>

#include "players/converter_jobs.hpp"
#include "players/vicodec_producer.hpp"
#include "players/visl_producer.hpp"
#include "viewing/consumer.hpp"

namespace relfence::cases {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr unsigned clip_frames = 8;
constexpr unsigned player_depth = 4;
constexpr auto stress_patience = 5s;

/// Lies in memory that all workers share.
struct Shared {
    StressCounters counters;
    std::atomic<bool> failed{false};
    std::atomic<bool> over{false};  ///< before its time: there is nothing left to find
    std::array<char, 256> failure{};

    void report(const Error& error) {
        counters.add(StressCounters::failures);
        if (failed.exchange(true)) return;
        const std::string text = error.message();
        std::copy_n(text.data(), std::min(text.size(), failure.size() - 1), failure.data());
    }
};

/// An anonymous shared mapping with one T in it.
template <typename T>
class SharedMemory {
  public:
    static Result<SharedMemory> create() {
        void* const at =
            ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED) return fail_errno("mmap", "shared counters");
        return SharedMemory{new (at) T};
    }
    T& operator*() const { return *object_; }
    T* operator->() const { return object_.get(); }

  private:
    struct Unmap {
        void operator()(T* object) const { ::munmap(object, sizeof(T)); }
    };
    explicit SharedMemory(T* object) : object_{object} {}
    std::unique_ptr<T, Unmap> object_;
};

/// Made once, before there are workers: a victim shall be killed while it plays, not while it
/// encodes.
struct Clips {
    players::Clip yuv;
    players::Clip rgb;
};

/// What a worker process needs.
struct Worker {
    Shared& shared;
    const Clips& clips;
    Clock::time_point end;
    std::mt19937 random;

    [[nodiscard]] bool going() const { return !shared.over && Clock::now() < end; }
    [[nodiscard]] bool one_in(unsigned n) { return random() % n == 0; }
    void count(StressCounters::Kind kind) const { shared.counters.add(kind); }
};

/// Looks at the dma-bufs of a player while that plays: the compositor's thread.
class Onlooker {
  public:
    Onlooker(Shared& shared, unsigned seed)
        : shared_{shared}, thread_{[this, seed](const std::stop_token& stop) {
              run(stop, seed);
          }} {}

    /// The frames to look at from now on; duplicates their dma-bufs, so that they may be closed.
    void show(const viewing::Handover& handover) {
        const int own = ::fcntl(handover.dma_buf, F_DUPFD_CLOEXEC, 0);
        const std::lock_guard guard{mutex_};
        buffers_[handover.buffer % buffers_.size()].reset(own);
    }

  private:
    void run(const std::stop_token& stop, unsigned seed) {
        std::mt19937 random{seed};
        while (!stop.stop_requested()) {
            UniqueFd buffer;
            {
                const std::lock_guard guard{mutex_};
                const UniqueFd& any = buffers_[random() % buffers_.size()];
                if (any.valid())
                    if (auto copy = any.duplicate()) buffer = std::move(*copy);
            }
            if (!buffer.valid()) {
                std::this_thread::sleep_for(1ms);
                continue;
            }
            look(buffer.get(), random);
            // The machine has one CPU, and the players need it too.
            std::this_thread::sleep_for(200us);
        }
    }
    void look(int dma_buf, std::mt19937& random) {
        const viewing::Wait wait =
            random() % 2 == 0 ? viewing::Wait::poll : viewing::Wait::sync_file;
        const auto claim = viewing::Claim::take(dma_buf, wait);
        if (!claim) return shared_.report(claim.error());
        shared_.counters.add(StressCounters::claims);
        // An aborted job's fence signals too; only a fence that never does is a failure.
        if (random() % 4 == 0)
            if (const auto waited = claim->await(stress_patience); !waited)
                return shared_.report(waited.error());
        if (random() % 4 == 0) read(dma_buf);
    }
    void read(int dma_buf) {
        dma_buf_sync access{DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ};
        const bool synced = ::ioctl(dma_buf, DMA_BUF_IOCTL_SYNC, &access) == 0;
        constexpr std::size_t some = 4096;
        void* const at = ::mmap(nullptr, some, PROT_READ, MAP_SHARED, dma_buf, 0);
        if (at == MAP_FAILED) return shared_.report(fail_errno("mmap", "dma-buf").value());
        unsigned sum = 0;
        for (std::size_t i = 0; i < some; i += 64)
            sum += static_cast<volatile std::uint8_t*>(at)[i];
        ::munmap(at, some);
        access.flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ;
        if (synced) ::ioctl(dma_buf, DMA_BUF_IOCTL_SYNC, &access);
        shared_.counters.add(StressCounters::reads);
    }

    Shared& shared_;
    std::mutex mutex_;
    std::array<UniqueFd, player_depth> buffers_;
    std::jthread thread_;
};

/// Plays a clip over and over, aborting it now and then with jobs queued.
Result<void> play(Worker& worker, viewing::JobSource& producer) {
    Onlooker onlooker{worker.shared, static_cast<unsigned>(worker.random())};
    while (worker.going()) {
        unsigned queued = 0;
        if (auto ok = producer.rewind(); !ok) return ok;
        for (unsigned index = 0; index < clip_frames && worker.going(); ++index) {
            if (queued == producer.depth()) {
                if (auto ok = producer.finish(); !ok) return ok;
                worker.count(StressCounters::finished);
                --queued;
            }
            const auto handover = producer.submit(index, viewing::Before::stale);
            if (!handover) return tl::make_unexpected(handover.error());
            worker.count(StressCounters::jobs);
            onlooker.show(*handover);
            ++queued;
        }
        if (worker.one_in(3)) {
            worker.count(StressCounters::rewinds);
            continue;
        }
        for (; queued > 0; --queued) {
            if (auto ok = producer.finish(); !ok) return ok;
            worker.count(StressCounters::finished);
        }
    }
    return producer.rewind();
}

Result<void> play_vicodec(Worker& worker) {
    auto producer = players::open_vicodec(worker.clips.yuv, player_depth);
    if (!producer) return tl::make_unexpected(producer.error());
    return play(worker, **producer);
}

Result<void> play_imported(Worker& worker) {
    auto producer = players::open_vicodec(worker.clips.yuv, player_depth,
                                          {.source = players::Memory::Source::udmabuf});
    if (!producer) return tl::make_unexpected(producer.error());
    return play(worker, **producer);
}

Result<void> play_vim2m(Worker& worker) {
    auto jobs = players::open_vim2m(player_depth, {}, 5ms);
    if (!jobs) return tl::make_unexpected(jobs.error());
    return play(worker, **jobs);
}

Result<void> play_visl(Worker& worker) {
    auto producer = players::open_visl(player_depth);
    if (!producer) return tl::make_unexpected(producer.error());
    return play(worker, **producer);
}

/// Opens and closes players: control handlers and queues come and go.
Result<void> reopen(Worker& worker) {
    while (worker.going()) {
        auto producer = players::open_visl(2);
        if (!producer) return tl::make_unexpected(producer.error());
        for (unsigned index = 0; index < 2; ++index) {
            if (auto ok = (*producer)->submit(index, viewing::Before::stale); !ok)
                return tl::make_unexpected(ok.error());
            worker.count(StressCounters::jobs);
        }
        worker.count(StressCounters::rewinds);
    }
    return {};
}

/// Uses the control handlers of the drivers from aside: each operation takes a handler's lock.
Result<void> set_controls(Worker& worker) {
    while (worker.going()) {
        for (const std::string_view name : {"stateful-encoder", "visl", "vim2m"}) {
            const auto video = v4l2::open_video(name);
            if (!video) return tl::make_unexpected(video.error());
            const int fd = video->get();
            v4l2_query_ext_ctrl query{};
            for (query.id = V4L2_CTRL_FLAG_NEXT_CTRL;
                 v4l2::call(fd, VIDIOC_QUERY_EXT_CTRL, &query, "VIDIOC_QUERY_EXT_CTRL");
                 query.id |= V4L2_CTRL_FLAG_NEXT_CTRL) {
                v4l2_event_subscription changes{};
                changes.type = V4L2_EVENT_CTRL;
                changes.id = query.id;
                changes.flags = V4L2_EVENT_SUB_FL_SEND_INITIAL;
                // Refused for classes of controls: that is no failure.
                const auto subscribed =
                    v4l2::call(fd, VIDIOC_SUBSCRIBE_EVENT, &changes, "VIDIOC_SUBSCRIBE_EVENT");
                v4l2_control control{};
                control.id = query.id;
                if (v4l2::call(fd, VIDIOC_G_CTRL, &control, "VIDIOC_G_CTRL") &&
                    v4l2::call(fd, VIDIOC_S_CTRL, &control, "VIDIOC_S_CTRL") && subscribed)
                    worker.count(StressCounters::controls);
            }
        }
        std::this_thread::sleep_for(2ms);
    }
    return {};
}

/// Shows each frame at submit on a display.
Result<void> show(Worker& worker) {
    auto producer = players::open_vicodec(worker.clips.rgb, 2);
    if (!producer) return tl::make_unexpected(producer.error());
    auto display = kms::Device::open("vkms", players::clip_width, players::clip_height);
    if (!display) return tl::make_unexpected(display.error());
    auto black = display->create_dumb(DRM_FORMAT_XRGB8888);
    if (!black) return tl::make_unexpected(black.error());
    if (auto ok = display->commit({.show = &*black, .modeset = true}); !ok)
        return tl::make_unexpected(ok.error());
    for (unsigned index = 0; worker.going(); index = (index + 1) % clip_frames) {
        const auto handover = (*producer)->submit(index, viewing::Before::stale);
        if (!handover) return tl::make_unexpected(handover.error());
        worker.count(StressCounters::jobs);
        const auto frame =
            display->import(handover->dma_buf, DRM_FORMAT_XRGB8888, players::clip_width * 4);
        if (!frame) return tl::make_unexpected(frame.error());
        const auto flip = display->commit({.show = &*frame, .nonblock = true});
        if (!flip) return tl::make_unexpected(flip.error());
        if (auto ok = display->wait_flip(stress_patience); !ok) return ok;
        worker.count(StressCounters::flips);
        if (auto ok = (*producer)->finish(); !ok) return ok;
        worker.count(StressCounters::finished);
        if (auto ok = display->commit({.show = &*black}); !ok)
            return tl::make_unexpected(ok.error());
    }
    return {};
}

Result<Clips> make_clips() {
    auto yuv = players::make_clip(image::Layout::nv12, clip_frames);
    if (!yuv) return tl::make_unexpected(yuv.error());
    auto rgb = players::make_clip(image::Layout::xrgb8888, clip_frames);
    if (!rgb) return tl::make_unexpected(rgb.error());
    return Clips{std::move(*yuv), std::move(*rgb)};
}

using Work = Result<void> (*)(Worker&);

/// Starts @p work in a process of its own. A failure is reported through the shared memory.
Result<pid_t> start(Shared& shared, const Clips& clips, Work work, Clock::time_point end,
                    unsigned seed) {
    const pid_t child = ::fork();
    if (child < 0) return fail_errno("fork", "stress worker");
    if (child > 0) return child;
    Worker worker{shared, clips, end, std::mt19937{seed}};
    if (const auto done = work(worker); !done) shared.report(done.error());
    // Not exit(): what the parent's buffers hold is the parent's to write.
    ::_exit(0);
}

/// Waits for a worker; one that does not end by itself hangs, which is a finding.
void collect(Shared& shared, pid_t child, Clock::time_point latest) {
    int status = 0;
    while (::waitpid(child, &status, WNOHANG) == 0) {
        if (Clock::now() > latest) {
            shared.report(fail_errno("wait for", "stress worker", ETIMEDOUT).value());
            ::kill(child, SIGKILL);
            // Not waited for: a process that is stuck in the kernel does not die either.
            return;
        }
        std::this_thread::sleep_for(10ms);
    }
    if (WIFSIGNALED(status))
        shared.report(
            fail(fmt::format("died of signal {}", WTERMSIG(status)), "stress worker").value());
}

/// Starts players and kills them in mid-job, until @p end.
Result<void> kill_players(Shared& shared, const Clips& clips, Clock::time_point end) {
    std::mt19937 random{4711};
    while (Clock::now() < end) {
        // Lockdep reports once and watches no longer: the rest of the time would show nothing.
        if (lockdep_state() == Lockdep::off) {
            shared.over = true;
            return {};
        }
        const Work work = random() % 2 == 0 ? play_vicodec : play_visl;
        const auto victim = start(shared, clips, work, end, static_cast<unsigned>(random()));
        if (!victim) return tl::make_unexpected(victim.error());
        std::this_thread::sleep_for(std::chrono::milliseconds{200 + random() % 200});
        ::kill(*victim, SIGKILL);
        int status = 0;
        ::waitpid(*victim, &status, 0);
        shared.counters.add(StressCounters::kills);
    }
    return {};
}

}  // namespace

std::string_view StressCounters::name(unsigned kind) {
    constexpr std::array<std::string_view, kinds> names{
        "jobs", "finished", "rewinds", "claims", "reads", "flips", "controls", "kills", "failures"};
    return names[kind];
}

Lockdep lockdep_state() {
    std::ifstream stats{"/proc/lockdep_stats"};
    for (std::string word; stats >> word;) {
        if (word != "debug_locks:") continue;
        int on = 0;
        stats >> on;
        return on != 0 ? Lockdep::watching : Lockdep::off;
    }
    return Lockdep::absent;
}

Result<StressReport> run_stress(std::chrono::milliseconds duration) {
    auto shared = SharedMemory<Shared>::create();
    if (!shared) return tl::make_unexpected(shared.error());
    const auto clips = make_clips();
    if (!clips) return tl::make_unexpected(clips.error());
    const auto end = Clock::now() + duration;
    std::vector<pid_t> workers;
    unsigned seed = 1;
    for (const Work work : {play_vicodec, play_imported, play_vim2m, play_visl, play_visl, reopen,
                            set_controls, show}) {
        const auto worker = start(**shared, *clips, work, end, seed++);
        if (!worker) return tl::make_unexpected(worker.error());
        workers.push_back(*worker);
    }
    const auto killed = kill_players(**shared, *clips, end);
    for (const pid_t worker : workers) collect(**shared, worker, end + 2 * stress_patience);
    if (!killed) return tl::make_unexpected(killed.error());

    StressReport report;
    for (unsigned kind = 0; kind < StressCounters::kinds; ++kind)
        report.counts[std::string{StressCounters::name(kind)}] =
            (*shared)->counters.get(static_cast<StressCounters::Kind>(kind));
    report.first_failure = (*shared)->failure.data();
    return report;
}

}  // namespace relfence::cases
