// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <fstream>
#include <optional>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <relfence/board/board.hpp>
#include <relfence/board/event_log.hpp>
#include <relfence/board/real_time.hpp>
#include <relfence/board/virtual_time.hpp>
#include <relfence/vhost/endpoint.hpp>

#include "board/guest_dma.hpp"
#include "board/machine/device_tree.hpp"
#include "board/machine/guest_processor.hpp"
#include "board/machine/powered.hpp"
#include "board/machine/statistics.hpp"

namespace relfence::board {
namespace {

/// A driver that programs a job accesses registers a hundred times in a row, a few microseconds
/// apart. A kick for each, and the wait for its answer, would take longer than a small picture.
constexpr std::chrono::microseconds burst_quiet{100};

std::uint16_t count_interrupts(const Description& description) {
    std::size_t count = 0;
    for (const Peripheral& device : description.peripherals) count += device.engines.size();
    return static_cast<std::uint16_t>(count);
}

Result<void> check_engines(const Description& description, const std::vector<FaultRule>& rules) {
    std::vector<std::string> names;
    for (const Peripheral& device : description.peripherals)
        for (const Engine& engine : device.engines) names.emplace_back(engine.name);
    for (const FaultRule& rule : rules)
        if (std::ranges::find(names, rule.engine) == names.end())
            return fail(fmt::format("is no engine of {}", description.name), rule.engine,
                        fmt::format("it has {}", fmt::join(names, ", ")));
    return {};
}

Result<void> write_file(const std::string& path, std::span<const std::byte> bytes) {
    std::ofstream file{path, std::ios::binary | std::ios::trunc};
    file.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    file.close();
    if (!file) return fail_errno("write", path);
    return {};
}

/// The one of the two that the board has.
struct Clock {
    std::unique_ptr<RealTime> real;
    std::unique_ptr<VirtualTime> simulated;

    static Result<Clock> create(const BoardOptions& options) {
        Clock clock;
        if (options.time == Time::real) {
            auto made = RealTime::create();
            if (!made) return tl::make_unexpected(made.error());
            clock.real = std::move(*made);
        } else {
            std::error_code error;
            const auto directory = std::filesystem::absolute(options.directory, error);
            auto made = VirtualTime::listen(directory / "time.sock");
            if (!made) return tl::make_unexpected(made.error());
            clock.simulated = std::move(*made);
        }
        return clock;
    }
    [[nodiscard]] Timeline& time() const {
        if (real) return *real;
        return *simulated;
    }
    [[nodiscard]] int fd() const { return real ? real->fd() : simulated->fd(); }
    Result<void> on_readable() const {
        if (simulated) return simulated->on_readable();
        real->on_readable();
        return {};
    }
    void drain() const {
        if (real) real->drain();
    }
};

}  // namespace

/// All that a board is made of, in the order in which it depends on each other.
class Board::Machine {
  public:
    Machine(const Description& description, BoardOptions options, std::unique_ptr<TextLog> log,
            Clock clock)
        : description_{description},
          options_{std::move(options)},
          log_{std::move(log)},
          clock_{std::move(clock)},
          statistics_{description},
          interrupts_{*log_, count_interrupts(description)},
          bus_{*log_,
               {[this](vhost::Port&) { switch_on(); },
                [this](vhost::Port& port) { accessed(port); }, [this] { switch_off(); }}} {
        log_->use_clock([this] { return clock_.time().now(); });
        log_->on_job([this](std::string_view engine, JobEvent event) {
            statistics_.job(engine, event, clock_.time().now());
        });
        log_->on_bug([this](const std::string& text) {
            if (options_.strict && strict_bug_.empty()) strict_bug_ = text;
        });
    }
    ~Machine() {
        switch_off();
        if (!tree_.empty()) ::unlink(tree_.c_str());
    }
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    Result<void> open();
    Result<void> run();
    void stop() { ::eventfd_write(stop_.get(), 1); }
    [[nodiscard]] std::vector<std::string> kernel_arguments() const;
    [[nodiscard]] BoardCounters counters() const {
        return {bus_endpoint_->counters().guests, log_->bugs()};
    }

  private:
    void switch_on();
    void switch_off();
    void accessed(vhost::Port& port);
    Result<void> watch(int fd);
    /// Takes register accesses that came without a kick.
    void look();
    /// Tells in the log why a guest was sent away.
    void note(std::string_view name, const Result<void>& served);

    const Description& description_;
    BoardOptions options_;
    std::unique_ptr<TextLog> log_;
    Clock clock_;
    Statistics statistics_;
    GuestDma dma_;
    InterruptController interrupts_;
    PlatformBus bus_;
    std::optional<Powered> powered_;
    std::unique_ptr<vhost::Endpoint> gpio_endpoint_;
    std::unique_ptr<vhost::Endpoint> bus_endpoint_;
    UniqueFd poll_, stop_;
    std::string tree_;
    std::string strict_bug_;
    std::optional<GuestProcessor> guest_processor_;
    bool looking_ = false;  ///< a burst of register accesses is under way
};

void Board::Machine::switch_on() {
    log_->event("board", "switched on by a guest");
    if (clock_.real) guest_processor_.emplace(bus_endpoint_->peer());
    if (clock_.simulated && !clock_.simulated->connected())
        log_->event("board", "no job will end: the guest was booted without " +
                                 clock_.simulated->kernel_option());
    powered_.emplace(description_, options_, Environment{dma_, clock_.time(), *log_}, interrupts_,
                     bus_, [this](std::string_view engine, Nanoseconds waited) {
                         statistics_.interrupt(engine, waited);
                     });
}

void Board::Machine::switch_off() {
    if (!powered_) return;
    guest_processor_.reset();
    // What is being computed uses the models and the guest's memory.
    clock_.drain();
    powered_.reset();
    dma_.use(nullptr);
    log_->event("board", "switched off: the guest went");
    if (options_.statistics.empty()) return;
    const std::string text = statistics_.json(bus_.counters(), bus_endpoint_->counters(),
                                              log_->bugs(), clock_.time().now());
    if (auto written = write_file(options_.statistics, std::as_bytes(std::span{text})); !written)
        log_->event("board", written.error().message());
}

void Board::Machine::accessed(vhost::Port& port) {
    auto memory = port.memory();
    if (dma_.uses(memory)) return;
    clock_.drain();
    dma_.use(std::move(memory));
}

Result<void> Board::Machine::watch(int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, fd, &event) < 0)
        return fail_errno("watch", "a socket of the board");
    return {};
}

Result<void> Board::Machine::open() {
    std::error_code error;
    const auto directory = std::filesystem::absolute(options_.directory, error);
    if (!std::filesystem::is_directory(directory, error))
        return fail_errno("open", options_.directory.string(), error ? error.value() : ENOTDIR);
    if (auto known = check_engines(description_, options_.faults); !known) return known;

    poll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    stop_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!poll_.valid() || !stop_.valid()) return fail_errno("make", "the board's event loop");

    const std::string bus_socket = directory / "bus.sock";
    const std::string gpio_socket = directory / "gpio.sock";
    auto gpio = vhost::Endpoint::listen(gpio_socket, interrupts_);
    if (!gpio) return tl::make_unexpected(gpio.error());
    gpio_endpoint_ = std::move(*gpio);
    auto bus = vhost::Endpoint::listen(bus_socket, bus_);
    if (!bus) return tl::make_unexpected(bus.error());
    bus_endpoint_ = std::move(*bus);

    auto tree = make_device_tree(description_, bus_socket, gpio_socket);
    if (!tree) return tl::make_unexpected(tree.error());
    const std::string path = directory / "board.dtb";
    if (auto written = write_file(path, *tree); !written) return written;
    tree_ = path;

    if (clock_.simulated) {
        clock_.simulated->watch(*gpio_endpoint_);
        clock_.simulated->watch(*bus_endpoint_);
    }
    if (clock_.real) {
        bus_endpoint_->look_at_queues(
            burst_quiet, [this] { return guest_processor_ && guest_processor_->leave(); });
        // A guest that gives an interrupt's buffer back has told the device before.
        gpio_endpoint_->before_request([this] { look(); });
    }
    for (const int fd : {stop_.get(), clock_.fd(), gpio_endpoint_->fd(), bus_endpoint_->fd()})
        if (auto watched = watch(fd); !watched) return watched;
    return {};
}

std::vector<std::string> Board::Machine::kernel_arguments() const {
    std::vector<std::string> arguments{"dtb=" + tree_};
    if (clock_.simulated) arguments.push_back(clock_.simulated->kernel_option());
    return arguments;
}

void Board::Machine::note(std::string_view name, const Result<void>& served) {
    if (!served) log_->event(name, "sent its guest away: " + served.error().message());
}

void Board::Machine::look() {
    const auto again = bus_endpoint_->look();
    // The guest was woken by the answer to its kick, and may have come here.
    if (!std::exchange(looking_, again && *again) && looking_ && guest_processor_)
        guest_processor_->leave();
    if (!again) note("bus", tl::make_unexpected(again.error()));
}

Result<void> Board::Machine::run() {
    for (;;) {
        look();
        std::array<epoll_event, 8> events;
        const int forever = -1;
        const int count =
            ::epoll_wait(poll_.get(), events.data(), events.size(), looking_ ? 0 : forever);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail_errno("wait for", "the board's events");
        for (const epoll_event& event : std::span{events}.first(static_cast<std::size_t>(count))) {
            const int fd = event.data.fd;
            if (fd == stop_.get()) return {};
            if (fd == clock_.fd()) note("time", clock_.on_readable());
            if (fd == gpio_endpoint_->fd()) note("gpio", gpio_endpoint_->on_readable());
            if (fd == bus_endpoint_->fd()) note("bus", bus_endpoint_->on_readable());
            if (!strict_bug_.empty()) return fail(strict_bug_, "driver bug");
        }
    }
}

Board::Board(std::unique_ptr<Machine> machine) : machine_{std::move(machine)} {}
Board::~Board() = default;

Result<std::unique_ptr<Board>> Board::create(const Description& description, BoardOptions options) {
    auto log = TextLog::open(options.log);
    if (!log) return tl::make_unexpected(log.error());
    auto clock = Clock::create(options);
    if (!clock) return tl::make_unexpected(clock.error());
    auto machine = std::make_unique<Machine>(description, std::move(options), std::move(*log),
                                             std::move(*clock));
    if (auto opened = machine->open(); !opened) return tl::make_unexpected(opened.error());
    return std::unique_ptr<Board>{new Board{std::move(machine)}};
}

std::vector<std::string> Board::kernel_arguments() const {
    return machine_->kernel_arguments();
}

Result<void> Board::run() {
    return machine_->run();
}

void Board::stop() {
    machine_->stop();
}

BoardCounters Board::counters() const {
    return machine_->counters();
}

}  // namespace relfence::board
