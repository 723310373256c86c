// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>

#include <relfence/trace/live.hpp>
#include <relfence/trace/reorder.hpp>

#include "trace/live/decoder.hpp"
#include "trace/live/tracefs.hpp"

namespace relfence::trace {
namespace fs = std::filesystem;
namespace {

constexpr const char* wanted_events[][2] = {{"vb2", "vb2_qbuf"},
                                            {"vb2", "vb2_buf_queue"},
                                            {"vb2", "vb2_buf_done"},
                                            {"vb2", "vb2_dqbuf"},
                                            {"v4l2", "v4l2_qbuf"},
                                            {"v4l2", "v4l2_dqbuf"},
                                            {"dma_fence", "dma_fence_init"},
                                            {"dma_fence", "dma_fence_signaled"},
                                            {"dma_fence", "dma_fence_wait_start"},
                                            {"dma_fence", "dma_fence_wait_end"},
                                            {"dma_fence", "dma_fence_destroy"}};

constexpr const char* instance_prefix = "relfence-";
/// Longer than the time between two calls of drain().
constexpr std::uint64_t reorder_window = 200'000'000;
/// How often the kernel is asked what it has lost: a text that it writes anew each time.
constexpr std::chrono::seconds ask_for_lost_every{1};
/// Pages that are read of one processor before the next has its turn.
constexpr int pages_at_a_time = 256;

struct CloseCpu {
    void operator()(tracefs_cpu* cpu) const { tracefs_cpu_close(cpu); }
};
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
    std::unique_ptr<tracefs_cpu, CloseCpu> pipe;
    std::vector<char> page;
    std::uint64_t lost = 0;
};

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
    Reorder order{reorder_window};
    std::vector<Event> first;  // facts that come before all events
    std::set<int> processes;
    std::chrono::steady_clock::time_point asked_for_lost;
    std::uint64_t reads = 0;
    std::uint64_t bytes = 0;

    Result<void> enable();
    void open_cpus();
    void name_devices();
    void name_process(int pid, const std::function<void(const Event&)>& feed);
    bool read_page(Cpu& cpu, const std::function<void(const Event&)>& feed);
    void tell_lost(const std::function<void(const Event&)>& feed);
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
        cpu.pipe.reset(tracefs_cpu_open(instance.get(), number, true));
        if (cpu.pipe == nullptr) continue;  // offline
        cpu.page.resize(static_cast<std::size_t>(tracefs_cpu_read_size(cpu.pipe.get())));
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

/// @return whether there was something to read
bool Live::State::read_page(Cpu& cpu, const std::function<void(const Event&)>& feed) {
    const int got = tracefs_cpu_read(cpu.pipe.get(), cpu.page.data(), true);
    ++reads;
    if (got <= 0) return false;
    bytes += static_cast<std::uint64_t>(got);
    if (kbuffer_load_subbuffer(buffer.get(), cpu.page.data()) != 0) return false;
    unsigned long long time = 0;
    for (void* data = kbuffer_read_event(buffer.get(), &time); data != nullptr;
         data = kbuffer_next_event(buffer.get(), &time)) {
        auto event = decoder->decode(data, kbuffer_event_size(buffer.get()), time, cpu.number);
        if (!event) continue;
        name_process(event->pid, feed);
        order.add(std::move(*event), feed);
    }
    return true;
}

void Live::State::tell_lost(const std::function<void(const Event&)>& feed) {
    for (Cpu& cpu : cpus) {
        const std::uint64_t lost = count_lost(instance.get(), cpu.number);
        if (lost <= cpu.lost) continue;
        Event event;
        event.kind = Kind::lost;
        event.cpu = cpu.number;
        event.value = static_cast<std::int64_t>(lost - cpu.lost);
        cpu.lost = lost;
        feed(event);
    }
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
    state->open_cpus();
    if (state->cpus.empty())
        return fail_errno("open", instances + "/" + name + "/per_cpu/cpu0/trace_pipe_raw");
    state->name_devices();
    if (tracefs_trace_on(instance) != 0)
        return fail_errno("set", instances + "/" + name + "/tracing_on");
    return Live{std::move(state)};
}

void Live::drain(const std::function<void(const Event&)>& feed) {
    for (const Event& event : state_->first) feed(event);
    state_->first.clear();
    for (Cpu& cpu : state_->cpus)
        for (int page = 0; page < pages_at_a_time && state_->read_page(cpu, feed); ++page) {
        }
    const auto now = std::chrono::steady_clock::now();
    if (now - state_->asked_for_lost < ask_for_lost_every) return;
    state_->asked_for_lost = now;
    state_->tell_lost(feed);
}

void Live::finish(const std::function<void(const Event&)>& feed) {
    tracefs_trace_off(state_->instance.get());
    for (const Event& event : state_->first) feed(event);
    state_->first.clear();
    for (Cpu& cpu : state_->cpus)
        while (state_->read_page(cpu, feed)) {
        }
    state_->tell_lost(feed);
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
