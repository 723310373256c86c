// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>

#include <relfence/base/unique_fd.hpp>
#include <relfence/trace/live.hpp>
#include <relfence/trace/reorder.hpp>

#include "trace/live/decoder.hpp"
#include "trace/live/tracefs.hpp"

namespace relfence::trace {
namespace fs = std::filesystem;
namespace {

/// Without v4l2_dqbuf: which device a queue belongs to is known from v4l2_qbuf.
constexpr const char* wanted_events[][2] = {{"vb2", "vb2_qbuf"},
                                            {"vb2", "vb2_buf_queue"},
                                            {"vb2", "vb2_buf_done"},
                                            {"vb2", "vb2_dqbuf"},
                                            {"v4l2", "v4l2_qbuf"},
                                            {"dma_fence", "dma_fence_init"},
                                            {"dma_fence", "dma_fence_signaled"},
                                            {"dma_fence", "dma_fence_wait_start"},
                                            {"dma_fence", "dma_fence_wait_end"},
                                            {"dma_fence", "dma_fence_destroy"}};

constexpr const char* instance_prefix = "relfence-";
/// How long an event may take from its time stamp until it can be read: whoever writes it may be
/// interrupted between the two.
constexpr std::uint64_t settling = 50'000'000;
/// What is read of one processor before the caller has its turn.
constexpr std::size_t bytes_at_a_time = 4 << 20;
/// A read gives a sub-buffer at most.
constexpr std::size_t wanted_subbuffer_kb = 64;
/// A buffer of fewer parts loses too much at once when it is full.
constexpr std::size_t parts_of_a_buffer = 16;
/// Room for this many events is kept: 10,000 fences/s are 1.6 KB/ms.
constexpr std::size_t most_kb_per_ms = 8;
constexpr std::chrono::milliseconds shortest_pause{100};
constexpr std::chrono::milliseconds longest_pause{250};

struct FreeBuffer {
    void operator()(kbuffer* buffer) const { kbuffer_free(buffer); }
};
struct FreeTep {
    void operator()(tep_handle* tep) const { tep_free(tep); }
};
struct RemoveInstance {
    void operator()(tracefs_instance* instance) const {
        tracefs_trace_off(instance);
        tracefs_event_disable(instance, nullptr, nullptr);
        tracefs_instance_destroy(instance);
        tracefs_instance_free(instance);
    }
};

struct Cpu {
    int number = 0;
    UniqueFd pipe;
    std::uint64_t newest = 0;  ///< time of its event that was read last
    std::uint64_t lost = 0;    ///< told
    bool missed = false;       ///< the kernel says that more were lost
};

std::uint64_t monotonic_now() {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(time.tv_nsec);
}

/// What a killed run left.
void remove_stale(const std::string& instances) {
    std::error_code error;
    std::vector<std::string> stale;
    for (const auto& entry : fs::directory_iterator{instances, error}) {
        const std::string name = entry.path().filename();
        if (!name.starts_with(instance_prefix)) continue;
        const int pid = std::atoi(name.c_str() + std::char_traits<char>::length(instance_prefix));
        if (pid > 0 && ::kill(pid, 0) != 0 && errno == ESRCH) stale.push_back(name);
    }
    for (const auto& name : stale) ::rmdir((instances + "/" + name).c_str());
}

Result<std::string> mounted_tracefs() {
    const char* path = nullptr;
    // Looks for a mount; makes none.
    if (tracefs_tracing_dir_is_mounted(false, &path) == 1 && path != nullptr) return path;
    std::error_code error;
    if (fs::exists("/sys/kernel/tracing", error))
        return fail("is not mounted", "tracefs",
                    "as root: mount -t tracefs nodev /sys/kernel/tracing");
    return fail("is not in this kernel", "tracefs",
                "it needs CONFIG_FTRACE and CONFIG_ENABLE_DEFAULT_TRACERS");
}

/// Larger sub-buffers where the kernel has them (6.8), so that fewer reads are needed.
/// @return the size of one, in bytes
std::size_t choose_subbuffer(tracefs_instance* instance, tep_handle* tep, std::size_t buffer_kb) {
    constexpr const char* file = "buffer_subbuf_size_kb";
    const auto page = static_cast<std::size_t>(tep_get_sub_buffer_size(tep));
    const std::size_t wanted = std::min(wanted_subbuffer_kb, buffer_kb / parts_of_a_buffer);
    if (wanted * 1024 > page)
        tracefs_instance_file_write(instance, file, std::to_string(wanted).c_str());
    long long chosen = 0;
    if (tracefs_instance_file_read_number(instance, file, &chosen) != 0 || chosen <= 0) return page;
    return static_cast<std::size_t>(chosen) * 1024;
}

/// "overrun: 3": events that newer ones replaced. "dropped events": those that found no room.
std::uint64_t count_lost(tracefs_instance* instance, int cpu) {
    char* const text = tracefs_instance_file_read(
        instance, fmt::format("per_cpu/cpu{}/stats", cpu).c_str(), nullptr);
    if (text == nullptr) return 0;
    std::uint64_t lost = 0;
    std::istringstream lines{text};
    std::free(text);
    for (std::string line; std::getline(lines, line);) {
        const std::size_t colon = line.find(": ");
        const std::string key = line.substr(0, colon);
        if (key == "overrun" || key == "commit overrun" || key == "dropped events")
            lost += std::strtoull(line.c_str() + colon + 2, nullptr, 10);
    }
    return lost;
}

Event make_trouble(std::string text) {
    Event event;
    event.kind = Kind::trouble;
    event.text = std::move(text);
    return event;
}

}  // namespace

struct Live::State {
    std::string directory;
    std::unique_ptr<tracefs_instance, RemoveInstance> instance;
    std::unique_ptr<tep_handle, FreeTep> tep;
    std::unique_ptr<kbuffer, FreeBuffer> buffer;
    std::optional<Decoder> decoder;
    std::vector<Cpu> cpus;  // closed before the instance is removed
    std::vector<char> subbuffer;
    std::chrono::milliseconds pause{};
    Reorder order;
    std::vector<Event> first;  // facts that come before all events
    std::set<int> processes;
    std::uint64_t reads = 0;
    std::uint64_t bytes = 0;

    Result<void> enable();
    void open_cpus();
    void name_devices();
    void name_process(int pid, const std::function<void(const Event&)>& feed);
    std::size_t read_subbuffer(Cpu& cpu, const std::function<void(const Event&)>& feed);
    void tell_lost(Cpu& cpu, const std::function<void(const Event&)>& feed);
};

Live::Live(std::unique_ptr<State> state) : state_{std::move(state)} {}
Live::Live(Live&&) noexcept = default;
Live& Live::operator=(Live&&) noexcept = default;
Live::~Live() = default;

Result<void> Live::State::enable() {
    std::vector<std::string> missing;
    for (const auto& [system, event] : wanted_events)
        if (tracefs_event_enable(instance.get(), system, event) != 0)
            if (missing.empty() || missing.back() != system) missing.emplace_back(system);
    missing.erase(std::unique(missing.begin(), missing.end()), missing.end());
    for (const std::string& system : missing)
        first.push_back(make_trouble(fmt::format(
            "this kernel has no events of {}: {}", system,
            system == "dma_fence" ? "it was built without CONFIG_DMA_SHARED_BUFFER"
                                  : "no driver that uses videobuf2 is loaded, see docs/trace.md")));
    if (missing.size() >= 3)
        return fail("has none of the events of vb2, v4l2 and dma_fence", directory,
                    "the kernel needs CONFIG_VIDEO_DEV and a driver that is loaded");
    return {};
}

void Live::State::open_cpus() {
    const long count = ::sysconf(_SC_NPROCESSORS_CONF);
    for (int number = 0; number < count; ++number) {
        Cpu cpu;
        cpu.number = number;
        cpu.pipe.reset(tracefs_instance_file_open(
            instance.get(), fmt::format("per_cpu/cpu{}/trace_pipe_raw", number).c_str(),
            O_RDONLY | O_NONBLOCK | O_CLOEXEC));
        if (!cpu.pipe.valid()) continue;  // offline
        cpus.push_back(std::move(cpu));
    }
}

void Live::State::name_devices() {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator{"/sys/class/video4linux", error}) {
        std::ifstream numbers{entry.path() / "dev"};
        std::ifstream names{entry.path() / "name"};
        std::string number;
        std::string name;
        std::getline(numbers, number);
        std::getline(names, name);
        const std::size_t colon = number.find(':');
        if (colon == std::string::npos) continue;
        Event event;
        event.kind = Kind::device;
        event.minor = std::atoi(number.c_str() + colon + 1);
        event.text = fmt::format("{} ({})", entry.path().filename().string(), name);
        first.push_back(std::move(event));
    }
}

void Live::State::name_process(int pid, const std::function<void(const Event&)>& feed) {
    if (pid <= 0 || !processes.insert(pid).second) return;
    Event event;
    event.kind = Kind::holder;
    event.pid = pid;
    std::ifstream file{fmt::format("/proc/{}/comm", pid)};
    if (!std::getline(file, event.text)) {
        // It has ended; the kernel remembers the last names.
        std::ifstream saved{directory + "/saved_cmdlines"};
        const std::string start = fmt::format("{} ", pid);
        for (std::string line; std::getline(saved, line);)
            if (line.starts_with(start)) event.text = line.substr(start.size());
    }
    if (!event.text.empty()) feed(event);
}

/// @return how much there was to read
std::size_t Live::State::read_subbuffer(Cpu& cpu, const std::function<void(const Event&)>& feed) {
    ++reads;
    const ssize_t got = ::read(cpu.pipe.get(), subbuffer.data(), subbuffer.size());
    if (got <= 0 || kbuffer_load_subbuffer(buffer.get(), subbuffer.data()) != 0) return 0;
    const auto filled = static_cast<std::size_t>(kbuffer_subbuffer_size(buffer.get()));
    bytes += filled;
    cpu.missed |= kbuffer_missed_events(buffer.get()) != 0;
    unsigned long long time = 0;
    for (void* data = kbuffer_read_event(buffer.get(), &time); data != nullptr;
         data = kbuffer_next_event(buffer.get(), &time)) {
        cpu.newest = time;
        auto event = decoder->decode(data, kbuffer_event_size(buffer.get()), time, cpu.number);
        if (!event) continue;
        name_process(event->pid, feed);
        // One ring buffer is in order by itself.
        if (cpus.size() == 1)
            feed(*event);
        else
            order.add(std::move(*event));
    }
    return filled;
}

void Live::State::tell_lost(Cpu& cpu, const std::function<void(const Event&)>& feed) {
    cpu.missed = false;
    const std::uint64_t lost = count_lost(instance.get(), cpu.number);
    if (lost <= cpu.lost) return;
    Event event;
    event.kind = Kind::lost;
    event.cpu = cpu.number;
    event.value = static_cast<std::int64_t>(lost - cpu.lost);
    cpu.lost = lost;
    feed(event);
}

Result<Live> Live::open(std::size_t buffer_kb) {
    const auto directory = mounted_tracefs();
    if (!directory) return tl::make_unexpected(directory.error());
    const std::string instances = *directory + "/instances";
    remove_stale(instances);
    auto state = std::make_unique<State>();
    state->directory = *directory;
    const std::string name = fmt::format("{}{}", instance_prefix, ::getpid());
    errno = 0;
    state->instance.reset(tracefs_instance_create(name.c_str()));
    if (state->instance == nullptr) {
        auto error =
            fail_errno("make a tracing instance in", instances, errno == 0 ? EACCES : errno);
        error.value().hint =
            "needs root: sudo relfence trace ...; docs/trace.md says how a user gets the right";
        return tl::make_unexpected(error.value());
    }
    tracefs_instance* const instance = state->instance.get();
    tracefs_trace_off(instance);
    tracefs_instance_set_buffer_size(instance, buffer_kb, -1);
    // The clock of V4L2's time stamps and of every program.
    if (tracefs_instance_file_write(instance, "trace_clock", "mono") < 0)
        return fail_errno("set", instances + "/" + name + "/trace_clock");
    const std::array<const char*, 5> systems{"ftrace", "vb2", "v4l2", "dma_fence", nullptr};
    state->tep.reset(tracefs_local_events_system(directory->c_str(), systems.data()));
    if (state->tep == nullptr)
        return fail_errno("read the formats of events in", *directory, errno == 0 ? EACCES : errno);
    state->buffer.reset(tep_kbuffer(state->tep.get()));
    if (state->buffer == nullptr) return fail_errno("read", "ring buffer", ENOMEM);
    state->decoder.emplace(state->tep.get());
    if (auto enabled = state->enable(); !enabled) return tl::make_unexpected(enabled.error());
    state->subbuffer.resize(choose_subbuffer(instance, state->tep.get(), buffer_kb));
    state->pause = std::clamp(std::chrono::milliseconds{buffer_kb / most_kb_per_ms}, shortest_pause,
                              longest_pause);
    state->open_cpus();
    if (state->cpus.empty())
        return fail_errno("open", instances + "/" + name + "/per_cpu/cpu0/trace_pipe_raw");
    state->name_devices();
    if (tracefs_trace_on(instance) != 0)
        return fail_errno("set", instances + "/" + name + "/tracing_on");
    return Live{std::move(state)};
}

bool Live::drain(const std::function<void(const Event&)>& feed) {
    for (const Event& event : state_->first) feed(event);
    state_->first.clear();
    bool all = true;
    // Nothing older comes any more from a processor that is read to its end after this.
    std::uint64_t complete = monotonic_now() - settling;
    for (Cpu& cpu : state_->cpus) {
        std::size_t sum = 0;
        std::size_t one = 1;
        while (one != 0 && sum < bytes_at_a_time) sum += one = state_->read_subbuffer(cpu, feed);
        if (one != 0) {
            all = false;
            complete = std::min(complete, cpu.newest);
        }
        if (cpu.missed) state_->tell_lost(cpu, feed);
    }
    state_->order.release(complete, feed);
    return all;
}

std::chrono::milliseconds Live::pause() const {
    return state_->pause;
}

void Live::finish(const std::function<void(const Event&)>& feed) {
    tracefs_trace_off(state_->instance.get());
    for (const Event& event : state_->first) feed(event);
    state_->first.clear();
    for (Cpu& cpu : state_->cpus)
        while (state_->read_subbuffer(cpu, feed) != 0) {
        }
    for (Cpu& cpu : state_->cpus) state_->tell_lost(cpu, feed);
    state_->order.flush(feed);
}

std::uint64_t Live::reads() const {
    return state_->reads;
}

std::uint64_t Live::bytes() const {
    return state_->bytes;
}

std::string Live::marker_path() const {
    char* const path = tracefs_instance_get_file(state_->instance.get(), "trace_marker");
    std::string result = path != nullptr ? path : "";
    tracefs_put_tracing_file(path);
    return result;
}

}  // namespace relfence::trace
