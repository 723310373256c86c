// SPDX-License-Identifier: MIT
#include <algorithm>
#include <atomic>
#include <fcntl.h>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>

#include <relfence/lab/architecture.hpp>
#include <relfence/lab/case_run.hpp>
#include <relfence/lab/exec_session.hpp>
#include <relfence/lab/files.hpp>
#include <relfence/lab/guest.hpp>
#include <relfence/lab/ktap.hpp>
#include <relfence/lab/process.hpp>

namespace relfence::lab {
namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
namespace {

/// Cells of one boot. Fewer: more time goes into booting. More: the guests are less evenly busy.
constexpr std::size_t cells_per_boot = 9;

/// How long a guest may take to go off once its cases are done. A driver whose hardware hangs may
/// never let it.
constexpr milliseconds power_off_patience{5'000};

/// A piece of work for one guest at a time.
struct Task {
    const KernelRun* run = nullptr;
    std::vector<CellId> cells;
    bool kunit = false;
    Machine machine;
};

/// What one boot is told.
struct BootOrder {
    fs::path kernel;
    std::vector<std::string> command;
    fs::path directory;
    bool kunit = false;
    Machine machine;
};

Result<UniqueFd> log_file(const fs::path& path) {
    return open_fd(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644);
}

/// Follows one guest to its end.
class BootWatch : public GuestEvents {
  public:
    BootWatch(UniqueFd console, UniqueFd output)
        : console_file_{std::move(console)}, output_file_{std::move(output)} {}

    Result<GuestEnd> follow(Guest& guest, milliseconds silence, const Interrupts* interrupts) {
        while (!guest.end()) {
            pollfd stop{interrupts != nullptr ? interrupts->fd() : -1, POLLIN, 0};
            const auto patience = exited_ ? power_off_patience : silence;
            const auto left =
                std::chrono::ceil<milliseconds>(last_sign_ + patience - steady_clock::now());
            const int timeout =
                killed_ ? -1 : static_cast<int>(std::max<long long>(left.count(), 0));
            if (auto pumped = guest.pump(*this, {&stop, 1}, timeout); !pumped)
                return tl::make_unexpected(pumped.error());
            if (stop.revents != 0) return fail_errno("run", "the cases", EINTR);
            if (!killed_ && steady_clock::now() - last_sign_ >= patience) {
                killed_ = true;
                silent_ = !exited_;
                guest.kill();
            }
            if (spoilt_) guest.kill();
        }
        harvest.console.finish();
        harvest.silent = silent_;
        return *guest.end();
    }

    void on_console(std::string_view bytes) override {
        write(console_file_, bytes);
        const std::size_t marks = harvest.console.marks().size();
        harvest.console.feed(bytes);
        if (harvest.console.marks().size() == marks) return;
        // Only the start of a cell is a sign of life: a hung guest goes on complaining for ever.
        sign_of_life();
        const auto& findings = harvest.console.findings();
        spoilt_ = std::any_of(findings.begin(), findings.end(), [&](const Finding& finding) {
            return finding.cell && finding.cell != harvest.console.running();
        });
    }
    void on_output(std::string_view bytes) override {
        write(output_file_, bytes);
        sign_of_life();
    }
    void on_error(std::string_view bytes) override { on_output(bytes); }
    void on_started() override {
        sign_of_life();
        boot_time = std::chrono::duration_cast<milliseconds>(steady_clock::now() - started_);
    }

    BootHarvest harvest;
    void on_exited() override {
        sign_of_life();
        exited_ = true;
    }
    std::optional<milliseconds> boot_time;

  private:
    void sign_of_life() { last_sign_ = steady_clock::now(); }
    static void write(UniqueFd& file, std::string_view bytes) {
        if (file.valid() && ::write(file.get(), bytes.data(), bytes.size()) < 0) file.reset();
    }

    UniqueFd console_file_;
    UniqueFd output_file_;
    steady_clock::time_point started_ = steady_clock::now();
    steady_clock::time_point last_sign_ = started_;
    bool exited_ = false;
    bool killed_ = false;
    bool silent_ = false;
    bool spoilt_ = false;
};

std::vector<std::string> case_command(const fs::path& program, const std::vector<CellId>& cells,
                                      const fs::path& directory, bool quick) {
    std::vector<std::string> command{program.string(), "run",
                                     "--out",          (directory / "results.jsonl").string(),
                                     "--artifacts",    (directory / "artifacts").string()};
    for (const auto& cell : cells) command.insert(command.end(), {"--cell", cell.text()});
    if (quick) command.emplace_back("--quick");
    return command;
}

Cell console_cell(const Finding& finding, const std::string& log) {
    Cell cell;
    cell.seen = finding_name(finding.kind);
    cell.details["console"] = finding.line;
    cell.details["log_line"] = finding.number;
    cell.log = log;
    return cell;
}

Cell result_cell(const CaseLine& line, const BootHarvest& boot) {
    Cell cell;
    cell.seen = line.seen;
    cell.details = line.details;
    cell.samples = line.samples;
    for (const auto& name : line.artifacts)
        cell.artifacts.push_back(boot.directory + "/artifacts/" + name);
    if (!line.reason.empty()) cell.details["reason"] = line.reason;
    if (line.verdict == "skip") {
        cell.verdict = Verdict::skip;
        cell.seen = "skip";
    } else if (line.verdict != "seen") {
        cell.verdict = Verdict::error;
        cell.seen = "error";
    }
    return cell;
}

/// The cell that was running when the guest went down, without a result of its own.
Cell interrupted_cell(const BootHarvest& boot) {
    Cell cell;
    if (boot.silent) {
        cell.seen = "silent";
        return cell;
    }
    cell.verdict = Verdict::error;
    cell.seen = "error";
    cell.details["reason"] =
        boot.failure.empty() ? "the guest ended without a result" : boot.failure;
    return cell;
}

/// Puts what the board saw during a cell into it.
void tell_bugs(const std::vector<std::string>& bugs, Cell& cell) {
    constexpr std::size_t most = 20;  // a driver in a loop says the same thousands of times
    if (bugs.empty()) return;
    cell.details["driver_bugs"] = std::vector<std::string>{
        bugs.begin(), bugs.begin() + static_cast<std::ptrdiff_t>(std::min(most, bugs.size()))};
    // What brought the kernel down, or the tool, is worse.
    if (cell.verdict == Verdict::error || cell.details.contains("console")) return;
    cell.details["result"] = cell.seen;
    cell.verdict = Verdict::seen;
    cell.seen = describe(bugs);
}

}  // namespace

std::vector<Cell> settle_cells(const BootHarvest& boot, const std::vector<CellId>& asked,
                               const std::string& kernel) {
    std::vector<Cell> settled;
    const auto settle = [&](Cell cell, const CellId& id) {
        cell.id = id;
        cell.kernel = kernel;
        cell.log = boot.log;
        settled.push_back(std::move(cell));
    };
    const auto line_of = [&](const CellId& id, bool result) {
        return std::find_if(boot.lines.begin(), boot.lines.end(), [&](const CaseLine& line) {
            return line.cell == id && line.is_result == result;
        });
    };
    bool trouble = false;
    for (const auto& id : asked) {
        const auto result = line_of(id, true);
        const bool has_result = result != boot.lines.end();
        const bool started = line_of(id, false) != boot.lines.end() || boot.console.running() == id;
        const Finding* finding = boot.console.worst(id);
        if (trouble || (!has_result && !started && finding == nullptr)) continue;
        trouble = finding != nullptr || !has_result;
        Cell cell = has_result ? result_cell(*result, boot) : interrupted_cell(boot);
        if (finding != nullptr) {
            Cell other = console_cell(*finding, boot.log);
            other.artifacts = cell.artifacts;
            other.samples = cell.samples;
            other.details["result"] = has_result ? cell.seen : "none";
            cell = std::move(other);
        }
        std::vector<std::string> bugs;
        for (const DriverBug& bug : boot.bugs)
            if (boot.console.running_at(bug.time) == id) bugs.push_back(bug.text);
        tell_bugs(bugs, cell);
        settle(std::move(cell), id);
    }
    if (!settled.empty() || asked.empty()) return settled;
    // Not one cell came to its start: a fresh guest would end the same way.
    for (const auto& id : asked) {
        Cell cell = interrupted_cell(boot);
        if (const Finding* finding = boot.console.worst(std::nullopt))
            cell = console_cell(*finding, boot.log);
        settle(std::move(cell), id);
    }
    return settled;
}

namespace {

/// All tasks, the threads that work on them, and what they found.
class Runner {
  public:
    Runner(const CaseRunOptions& options, const std::function<void()>& settled)
        : options_{options}, settled_{settled} {}

    void work_off(const std::vector<Task>& tasks, std::size_t guests);
    Result<CaseRunResult> take_result();

  private:
    Result<void> work(const Task& task);
    Result<void> work_kunit(const Task& task);
    Result<BootHarvest> boot(const KernelRun& run, BootOrder order);
    fs::path next_directory(const std::string& kernel);
    void keep(std::vector<Cell> cells);
    void keep_boot_trouble(const BootHarvest& harvest, const std::string& kernel);

    const CaseRunOptions& options_;
    const std::function<void()>& settled_;
    std::mutex mutex_;
    CaseRunResult result_;
    std::map<std::string, int> boots_;
    std::set<std::string> boot_trouble_;  // kernels
    std::optional<Error> error_;
    std::atomic<bool> stop_ = false;
};

void Runner::work_off(const std::vector<Task>& tasks, std::size_t guests) {
    std::atomic<std::size_t> next = 0;
    const auto worker = [&](std::size_t number) {
        for (std::size_t i = next++; i < tasks.size() && !stop_; i = next++) {
            if (tasks[i].run->smp)
                use_all_processors();
            else
                stay_on_one_processor(number);
            auto done = tasks[i].kunit ? work_kunit(tasks[i]) : work(tasks[i]);
            if (done) continue;
            stop_ = true;
            const std::lock_guard guard{mutex_};
            if (!error_) error_ = done.error();
        }
    };
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < std::min(guests, tasks.size()); ++i)
        threads.emplace_back(worker, i);
    for (auto& thread : threads) thread.join();
}

Result<CaseRunResult> Runner::take_result() {
    if (error_) return tl::make_unexpected(*error_);
    return std::move(result_);
}

fs::path Runner::next_directory(const std::string& kernel) {
    const std::lock_guard guard{mutex_};
    return fs::path{"boots"} / fmt::format("{}-{:02}", kernel, ++boots_[kernel]);
}

void Runner::keep(std::vector<Cell> cells) {
    const std::lock_guard guard{mutex_};
    for (auto& cell : cells) {
        result_.cells.push_back(std::move(cell));
        settled_();
    }
}

void Runner::keep_boot_trouble(const BootHarvest& harvest, const std::string& kernel) {
    const Finding* finding = harvest.console.worst(std::nullopt);
    if (harvest.console.marks().empty()) return;  // then each cell says it
    std::vector<std::string> bugs;
    for (const DriverBug& bug : harvest.bugs)
        if (!harvest.console.running_at(bug.time)) bugs.push_back(bug.text);
    const std::lock_guard guard{mutex_};
    // Every boot says the same; once is enough.
    if ((finding == nullptr && bugs.empty()) || !boot_trouble_.insert(kernel).second) return;
    Cell cell;
    if (finding != nullptr) cell = console_cell(*finding, harvest.log);
    tell_bugs(bugs, cell);
    cell.log = harvest.log;
    cell.id = {"boot", "kernel"};
    cell.kernel = kernel;
    result_.cells.push_back(std::move(cell));
}

namespace {

/// A kernel with two processors has no UML_TIME_TRAVEL_SUPPORT: under --time virtual the board
/// would wait for it for ever.
std::vector<std::string> in_real_time(std::vector<std::string> arguments) {
    const auto time = std::find(arguments.begin(), arguments.end(), "--time");
    if (time != arguments.end()) arguments.erase(time, std::min(time + 2, arguments.end()));
    return arguments;
}

}  // namespace

Result<BootHarvest> Runner::boot(const KernelRun& run, BootOrder order) {
    const fs::path directory = options_.out / order.directory;
    if (auto made = make_directories(directory / "artifacts"); !made)
        return tl::make_unexpected(made.error());
    auto console = log_file(directory / "console.log");
    if (!console) return tl::make_unexpected(console.error());
    auto output = log_file(directory / "output.log");
    if (!output) return tl::make_unexpected(output.error());

    GuestConfig config{order.kernel, options_.init, options_.memory,
                       make_guest_job(order.command, options_.out)};
    config.board = {run.smp ? in_real_time(order.machine.board) : order.machine.board,
                    directory / "board.log"};
    const bool has_board = config.board.wanted();
    config.job.mounts.push_back({directory.string(), true});
    config.kernel_arguments = std::move(order.machine.kernel_arguments);
    config.kernel_arguments.emplace_back(order.kunit ? "kunit.enable=1" : "kunit.enable=0");
    // Linux 7.x has it off where the configuration does not say otherwise; 6.12 does not know it.
    if (order.kunit) config.kernel_arguments.emplace_back("kunit.autorun=1");
    BootWatch watch{std::move(*console), std::move(*output)};
    auto guest = Guest::start(std::move(config));
    if (!guest) return tl::make_unexpected(guest.error());
    auto end = watch.follow(*guest, options_.silence, options_.interrupts);
    if (!end) return tl::make_unexpected(end.error());

    BootHarvest& harvest = watch.harvest;
    harvest.directory = order.directory.string();
    harvest.log = harvest.directory + "/console.log";
    harvest.finished = end->command_status.has_value();
    harvest.failure =
        end->board.empty() ? end->failure : fmt::format("the board ended: {}", end->board);
    if (harvest.finished && *end->command_status != 0)
        harvest.failure =
            fmt::format("{}: {}", order.command[0], describe_status(*end->command_status));
    if (const auto text = read_file(directory / "results.jsonl"))
        harvest.lines = parse_case_lines(*text);
    if (has_board)
        if (const auto text = read_file(directory / "board.log"))
            harvest.bugs = parse_driver_bugs(*text);
    if (watch.boot_time) {
        const std::lock_guard guard{mutex_};
        result_.boot_ms[run.name].push_back(watch.boot_time->count());
    }
    return std::move(harvest);
}

Result<void> Runner::work(const Task& task) {
    auto program = guest_program(options_.program, task.run->kernel);
    if (!program) return tl::make_unexpected(program.error());
    std::vector<CellId> left = task.cells;
    while (!left.empty()) {
        const fs::path directory = next_directory(task.run->name);
        auto harvest =
            boot(*task.run, {task.run->kernel,
                             case_command(*program, left, options_.out / directory, options_.quick),
                             directory, false, task.machine});
        if (!harvest) return tl::make_unexpected(harvest.error());
        keep_boot_trouble(*harvest, task.run->name);
        auto settled = settle_cells(*harvest, left, task.run->name);
        std::erase_if(left, [&](const CellId& id) {
            return std::any_of(settled.begin(), settled.end(),
                               [&](const Cell& cell) { return cell.id == id; });
        });
        keep(std::move(settled));
    }
    return {};
}

Result<void> Runner::work_kunit(const Task& task) {
    // The suites run before PID 1 does; the guest has nothing else to do.
    const fs::path directory = next_directory(task.run->name);
    auto program = guest_program(options_.program, task.run->kernel);
    if (!program) return tl::make_unexpected(program.error());
    // The host's own /bin/true is no program for another machine.
    const std::vector<std::string> command =
        *program == options_.program ? std::vector<std::string>{"/bin/true"}
                                     : std::vector<std::string>{program->string(), "--version"};
    auto harvest = boot(*task.run, {task.run->kernel, command, directory, true, {}});
    if (!harvest) return tl::make_unexpected(harvest.error());
    auto text = read_file(options_.out / harvest->log);
    if (!text) return tl::make_unexpected(text.error());
    std::vector<Cell> cells;
    for (const auto& suite : parse_kunit(*text)) {
        Cell cell;
        cell.id = {"kunit-" + suite.name, "kunit"};
        cell.kernel = task.run->name;
        cell.seen = suite.summary();
        if (suite.skipped_whole) {
            cell.verdict = Verdict::skip;
            cell.seen = "skip";
        }
        cell.log = harvest->log;
        cell.details = {{"passed", suite.passed},
                        {"failed", suite.failed},
                        {"skipped", suite.skipped},
                        {"failures", suite.failures}};
        if (const Finding* finding = harvest->console.worst(std::nullopt)) {
            cell.seen = finding_name(finding->kind);
            cell.details["console"] = finding->line;
            cell.details["result"] = suite.summary();
        }
        cells.push_back(std::move(cell));
    }
    keep(std::move(cells));
    return {};
}

/// The cells of a run as boots, the last cells first. A boot has one machine for all its cells.
std::vector<Task> split_run(const KernelRun& run, const Machines& machines) {
    const auto machine_of = [&](const CellId& cell) {
        const auto found = machines.find(cell);
        return found == machines.end() ? Machine{} : found->second;
    };
    std::vector<Task> tasks;
    // Machine by machine, each in the order of the cells.
    std::vector<CellId> left = run.cells;
    while (!left.empty()) {
        const auto machine = machine_of(left.back());
        Task task{&run, {}, false, machine};
        for (auto cell = left.rbegin(); cell != left.rend(); ++cell)
            if (task.cells.size() < cells_per_boot && machine_of(*cell) == machine)
                task.cells.insert(task.cells.begin(), *cell);
        std::erase_if(left, [&](const CellId& cell) {
            return std::find(task.cells.begin(), task.cells.end(), cell) != task.cells.end();
        });
        tasks.push_back(std::move(task));
    }
    return tasks;
}

std::vector<Task> split_tasks(const std::vector<KernelRun>& runs, const Machines& machines,
                              bool alone) {
    std::vector<Task> tasks;
    std::vector<std::vector<Task>> by_run;
    std::size_t most = 0;
    for (const auto& run : runs) {
        if (run.alone != alone) continue;
        if (run.kunit) tasks.push_back({&run, {}, true, {}});
        by_run.push_back(split_run(run, machines));
        most = std::max(most, by_run.back().size());
    }
    // Kernel by kernel in turn, so that none is left to the end as a whole, and the last cells of
    // each first: lockdep-stress is by far the longest, and nothing would run beside its end.
    for (std::size_t i = 0; i < most; ++i)
        for (auto& boots : by_run)
            if (i < boots.size()) tasks.push_back(std::move(boots[i]));
    return tasks;
}

}  // namespace

Result<CaseRunResult> run_cases(const std::vector<KernelRun>& runs, const CaseRunOptions& options,
                                const std::function<void()>& settled) {
    Runner runner{options, settled};
    const std::size_t guests =
        options.guests > 0 ? options.guests : 2 * std::max(1U, std::thread::hardware_concurrency());
    runner.work_off(split_tasks(runs, options.machines, false), guests);
    runner.work_off(split_tasks(runs, options.machines, true), 1);
    auto result = runner.take_result();
    if (!result) return result;
    const auto place = [&](const Cell& cell) {
        const auto run = std::find_if(runs.begin(), runs.end(),
                                      [&](const KernelRun& r) { return r.name == cell.kernel; });
        const auto row = std::find(run->cells.begin(), run->cells.end(), cell.id);
        return std::pair{run - runs.begin(), row - run->cells.begin()};
    };
    std::stable_sort(result->cells.begin(), result->cells.end(),
                     [&](const Cell& a, const Cell& b) { return place(a) < place(b); });
    return result;
}

}  // namespace relfence::lab
