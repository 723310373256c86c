// SPDX-License-Identifier: MIT
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <poll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <relfence/base/files.hpp>
#include <relfence/trace/findings.hpp>
#include <relfence/trace/live.hpp>
#include <relfence/trace/model.hpp>
#include <relfence/trace/record_file.hpp>
#include <relfence/trace/recording.hpp>
#include <relfence/trace/writers.hpp>

#include "relfence-commands.hpp"
#include "trace/live/command.hpp"
#include "trace/live/screen.hpp"

namespace relfence::app {
namespace fs = std::filesystem;
using namespace std::chrono_literals;
namespace {

struct TraceArguments {
    std::vector<std::string> command;
    double duration = 0;
    std::size_t buffer = 4096;
    std::string perfetto;
    std::string html;
    std::string record;
    std::string read;
    bool json = false;
    bool only_kernel = false;
};

constexpr auto draw_every = 250ms;
constexpr auto report_every = 5s;  ///< a line, where there is no terminal
constexpr auto ask_holders_every = 500ms;
/// A look at all open files of a machine may take tens of ms: no more than 1/200 of the time.
constexpr int pause_after_asking = 200;
constexpr trace::Time drought = 20'000'000;

/// Signals as a descriptor: those that end the trace, and the terminal's new size.
Result<UniqueFd> catch_signals() {
    sigset_t signals;
    ::sigemptyset(&signals);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGWINCH}) ::sigaddset(&signals, signal);
    if (::sigprocmask(SIG_BLOCK, &signals, nullptr) < 0) return fail_errno("block", "signals");
    UniqueFd caught{::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK)};
    if (!caught.valid()) return fail_errno("signalfd", "signals");
    return caught;
}

/// The library that tells what the traced program does: beside this program, or installed.
fs::path find_observer() {
    std::error_code error;
    const fs::path here = fs::read_symlink("/proc/self/exe", error).parent_path();
    for (const fs::path& path : {here / "librelfence-observe.so",
                                 here.parent_path() / "lib/relfence/librelfence-observe.so"})
        if (fs::exists(path, error)) return path;
    return {};
}

/// A trace must not be lost because its file cannot be written in the end.
Result<void> check_place(const std::string& file) {
    if (file.empty()) return {};
    const fs::path parent = fs::path{file}.parent_path();
    const fs::path directory = parent.empty() ? "." : parent;
    if (::access(directory.c_str(), W_OK | X_OK) < 0) return fail_errno("write", file);
    return {};
}

trace::Time nanoseconds(std::chrono::nanoseconds time) {
    return static_cast<trace::Time>(time.count());
}

/// Of this process, so far.
trace::Time processor_time() {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return nanoseconds(std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec});
}

trace::Time kernel_time() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return nanoseconds(std::chrono::seconds{usage.ru_stime.tv_sec} +
                       std::chrono::microseconds{usage.ru_stime.tv_usec});
}

class Tracer {
  public:
    Tracer(const TraceArguments& arguments, trace::Live live, UniqueFd signals,
           std::unique_ptr<trace::RecordFile> record)
        : arguments_{arguments},
          live_{std::move(live)},
          signals_{std::move(signals)},
          record_{std::move(record)} {}

    Result<void> start() {
        if (arguments_.command.empty()) return {};
        trace::TracedCommand::Options options;
        options.arguments = arguments_.command;
        options.keep_output = use_screen();
        options.output_to_stderr = arguments_.json;
        if (!arguments_.only_kernel) preload(options);
        auto started = trace::TracedCommand::start(options);
        if (!started) return tl::make_unexpected(started.error());
        command_ = std::make_unique<trace::TracedCommand>(std::move(*started));
        return {};
    }

    /// Until the command ends, or the time is over, or somebody does not want any more.
    void follow() {
        if (use_screen()) screen_ = std::make_unique<trace::Screen>();
        const auto begin = Clock::now();
        auto drawn = begin - draw_every;
        auto ask_again = begin;
        trace::Time asked = 0;
        auto reported = begin;
        auto awake = begin;
        Clock::duration not_asleep{};
        const trace::Time ran = processor_time();
        const trace::Time in_kernel = kernel_time();
        bool drained = true;
        for (bool more = true; more;) {
            const auto before = Clock::now();
            not_asleep += before - awake;
            more = wait(drained ? pause(before - begin) : 0ms);
            ++cost_.wakeups;
            const auto now = awake = Clock::now();
            drained = live_.drain([this](const trace::Event& event) { take(event); });
            if (model_.starved(drought, asked) && now >= ask_again) {
                const auto asking = Clock::now();
                trace::find_holders([this](const trace::Event& event) { take(event); });
                const auto took = Clock::now() - asking;
                ask_again = asking +
                            std::max<Clock::duration>(ask_holders_every, pause_after_asking * took);
                asked = model_.last();
            }
            if (screen_ && (now - drawn >= draw_every || resized_)) {
                draw();
                drawn = now;
                resized_ = false;
            }
            if (!screen_ && !arguments_.json && now - reported >= report_every) {
                const double seconds = std::chrono::duration<double>(now - begin).count();
                fmt::print(stderr,
                           "{:.0f} s: {} events, {} queues, {} lost, {:.1f} % of a processor\n",
                           seconds, model_.events(), model_.queues().size(), model_.lost(),
                           static_cast<double>(processor_time() - ran) / seconds / 1e7);
                reported = now;
            }
            if (arguments_.duration > 0 &&
                now - begin >= std::chrono::duration<double>(arguments_.duration))
                more = false;
        }
        const auto end = Clock::now();
        cost_.awake = nanoseconds(not_asleep + (end - awake));
        cost_.followed = nanoseconds(end - begin);
        cost_.processor = processor_time() - ran;
        cost_.kernel = kernel_time() - in_kernel;
        cost_.reads = live_.reads();
        cost_.bytes = live_.bytes();
        finish();
    }

    [[nodiscard]] const trace::Model& model() const { return model_; }
    [[nodiscard]] const trace::Cost& cost() const { return cost_; }
    [[nodiscard]] Result<void> finish_record() const {
        return record_ ? record_->finish() : Result<void>{};
    }

  private:
    using Clock = std::chrono::steady_clock;

    [[nodiscard]] bool use_screen() const { return !arguments_.json && trace::Screen::possible(); }

    void preload(trace::TracedCommand::Options& options) {
        const fs::path library = find_observer();
        if (library.empty()) {
            trace::Event trouble;
            trouble.kind = trace::Kind::trouble;
            trouble.text =
                "librelfence-observe.so is not beside this program: what the command does with "
                "dma-bufs was not seen";
            take(trouble);
            return;
        }
        const char* const before = std::getenv("LD_PRELOAD");
        options.environment = {{"RELFENCE_TRACE_MARKER", live_.marker_path()},
                               {"LD_PRELOAD", before != nullptr && *before != '\0'
                                                  ? fmt::format("{}:{}", library.string(), before)
                                                  : library.string()}};
    }

    void take(const trace::Event& event) {
        model_.feed(event);
        if (record_) record_->add(event);
    }

    /// How long to sleep, @p passed after the begin.
    [[nodiscard]] std::chrono::milliseconds pause(Clock::duration passed) const {
        auto time = live_.pause();
        if (screen_) time = std::min<std::chrono::milliseconds>(time, draw_every);
        if (arguments_.duration <= 0) return time;
        const std::chrono::duration<double> left =
            std::chrono::duration<double>(arguments_.duration) - passed;
        return std::clamp(std::chrono::ceil<std::chrono::milliseconds>(left), 0ms, time);
    }

    /// Until the next drain. @return whether to go on
    bool wait(std::chrono::milliseconds time) {
        pollfd waiting[] = {{signals_.get(), POLLIN, 0},
                            {command_ ? command_->pidfd() : -1, POLLIN, 0},
                            {screen_ ? STDIN_FILENO : -1, POLLIN, 0}};
        if (::poll(waiting, 3, static_cast<int>(time.count())) <= 0) return true;
        if (waiting[0].revents != 0 && ends()) return false;
        if (waiting[1].revents != 0) return false;
        if (waiting[2].revents != 0) {
            const char key = trace::Screen::key();
            if (key == 'q' || (waiting[2].revents & (POLLHUP | POLLERR)) != 0) return false;
        }
        return true;
    }

    bool ends() {
        signalfd_siginfo signal{};
        while (::read(signals_.get(), &signal, sizeof signal) == sizeof signal) {
            if (signal.ssi_signo != SIGWINCH) return true;
            resized_ = true;
        }
        return false;
    }

    void draw() {
        const std::size_t rows = screen_->rows();
        auto lines = trace::table(model_, screen_->columns(), rows > 1 ? rows - 1 : rows);
        if (rows > 1) lines.emplace_back("q: quit");
        screen_->show(lines);
    }

    void finish() {
        std::string end;
        if (command_) {
            pollfd ended{command_->pidfd(), POLLIN, 0};
            const bool by_itself = ::poll(&ended, 1, 0) == 1;
            if (by_itself)
                end = command_->wait();
            else
                command_->stop();
        }
        live_.finish([this](const trace::Event& event) { take(event); });
        screen_.reset();
        if (!command_) return;
        const std::string output = command_->output();
        std::fwrite(output.data(), 1, output.size(), stderr);
        if (!end.empty()) fmt::print(stderr, "relfence: {} {}\n", arguments_.command.front(), end);
    }

    const TraceArguments& arguments_;
    trace::Live live_;
    UniqueFd signals_;
    std::unique_ptr<trace::RecordFile> record_;
    std::unique_ptr<trace::TracedCommand> command_;
    std::unique_ptr<trace::Screen> screen_;
    trace::Model model_;
    bool resized_ = false;
    trace::Cost cost_;
};

Result<void> write_results(const TraceArguments& arguments, const trace::Model& model,
                           const std::vector<trace::Finding>& findings, const trace::Run& run) {
    if (arguments.html.empty() && arguments.perfetto.empty()) return {};
    const trace::Timeline timeline = trace::draw(model);
    if (!arguments.perfetto.empty())
        if (auto ok = write_file(arguments.perfetto, trace::to_perfetto(timeline)); !ok) return ok;
    if (!arguments.html.empty())
        return write_file(arguments.html, trace::to_html(timeline, findings, model, run));
    return {};
}

int conclude(const TraceArguments& arguments, const trace::Model& model, trace::Cost cost = {}) {
    trace::Run run;
    run.cost = cost;
    if (utsname name{}; arguments.read.empty() && ::uname(&name) == 0) run.kernel = name.release;
    run.command = fmt::format("{}", fmt::join(arguments.command, " "));
    const auto findings = trace::find(model, drought);
    if (const auto ok = write_results(arguments, model, findings, run); !ok)
        return complain(ok.error());
    if (arguments.json)
        fmt::print("{}", trace::to_json(model, findings, run));
    else if (findings.empty())
        fmt::print("no frame was seen: nothing queued a buffer on a V4L2 device\n");
    else
        fmt::print("{}", trace::to_text(findings, ::isatty(STDOUT_FILENO) == 1));
    return std::ranges::any_of(findings, &trace::Finding::wrong) ? exit_failed : exit_ok;
}

int read_trace(const TraceArguments& arguments) {
    if (!arguments.command.empty() || !arguments.record.empty())
        return complain(fail("goes with neither a command nor --record", "--read").value());
    const auto text = read_file(arguments.read);
    if (!text) return complain(text.error());
    trace::Model model;
    const auto ok = trace::read_recording(*text, arguments.read,
                                          [&](const trace::Event& event) { model.feed(event); });
    if (!ok) return complain(ok.error());
    return conclude(arguments, model);
}

int follow_live(const TraceArguments& arguments) {
    auto signals = catch_signals();
    if (!signals) return complain(signals.error());
    auto live = trace::Live::open(arguments.buffer);
    if (!live) return complain(live.error());
    std::unique_ptr<trace::RecordFile> record;
    if (!arguments.record.empty()) {
        auto file = trace::RecordFile::create(arguments.record);
        if (!file) return complain(file.error());
        record = std::make_unique<trace::RecordFile>(std::move(*file));
    }
    Tracer tracer{arguments, std::move(*live), std::move(*signals), std::move(record)};
    if (const auto ok = tracer.start(); !ok) return complain(ok.error());
    tracer.follow();
    if (const auto ok = tracer.finish_record(); !ok) return complain(ok.error());
    return conclude(arguments, tracer.model(), tracer.cost());
}

int run_trace(const TraceArguments& arguments) {
    for (const std::string& file : {arguments.html, arguments.perfetto, arguments.record})
        if (const auto ok = check_place(file); !ok) return complain(ok.error());
    return arguments.read.empty() ? follow_live(arguments) : read_trace(arguments);
}

}  // namespace

Command add_trace(CLI::App& app) {
    auto arguments = std::make_shared<TraceArguments>();
    CLI::App* const command =
        app.add_subcommand("trace", "follow what happens to each dma-buf, and say what went wrong");
    command->add_option("-d,--duration", arguments->duration,
                        "end after so many seconds (default: at Ctrl-C, or with the command)");
    command->add_option("--html", arguments->html, "write a page with the timeline");
    command->add_option("--perfetto", arguments->perfetto,
                        "write a trace for https://ui.perfetto.dev (open it there)");
    command->add_option("--record", arguments->record, "write the events, for --read");
    command->add_option("--read", arguments->read, "take the events of a recording");
    command->add_flag("--json", arguments->json, "frames and findings, for programs");
    command->add_option("--buffer", arguments->buffer, "KiB of the ring buffer of each processor")
        ->check(CLI::Range(std::size_t{64}, std::size_t{1} << 20))
        ->capture_default_str();
    command->add_flag("--no-observe", arguments->only_kernel,
                      "do not look into the command: kernel events only");
    command->add_option("command", arguments->command,
                        "a program to start and trace, after -- (default: whatever runs)");
    command->footer(
        "Needs root, or a user who may write below instances/ of tracefs. Without a command, it\n"
        "sees what the kernel tells of every program: queues, fences, waits. With a command, it\n"
        "sees also what that program asks of dma-bufs: poll, sync_files, reads, commits.\n"
        "docs/trace.md says what is observed and what is inferred.\n\n"
        "Exit code: 0 nothing wrong was seen, 1 something was (a frame read before it was\n"
        "finished, a buffer queued again while it was read), 2 bad input or no rights.\n\n"
        "Examples:\n"
        "  sudo relfence trace\n"
        "  sudo relfence trace --html trace.html --perfetto trace.json -- mpv clip.mkv\n"
        "  sudo relfence trace --duration 10 --record slow.trace\n"
        "  relfence trace --read slow.trace --json | jq '.findings[].text'");
    return [arguments] { return run_trace(*arguments); };
}

}  // namespace relfence::app
