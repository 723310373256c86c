// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include <relfence/lab/process.hpp>

namespace relfence::lab {
namespace {

sigset_t signal_set(std::initializer_list<int> signals) {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : signals) sigaddset(&set, number);
    return set;
}

bool readable(int fd) {
    pollfd waiter{fd, POLLIN, 0};
    return ::poll(&waiter, 1, 0) > 0;
}

std::vector<std::string> child_environment(const std::map<std::string, std::string>& extra) {
    std::vector<std::string> environment;
    for (char** variable = environ; *variable != nullptr; ++variable) {
        const std::string_view text{*variable};
        if (!extra.contains(std::string{text.substr(0, text.find('='))}))
            environment.emplace_back(text);
    }
    for (const auto& [name, value] : extra) environment.push_back(name + "=" + value);
    return environment;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> result;
    for (auto& text : strings) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

/// Everything the child needs, made before the fork: the lab has threads, so between fork and exec
/// only async-signal-safe calls may follow.
struct ChildPlan {
    std::string program;
    std::vector<char*> arguments;
    std::vector<char*> environment;
    const SpawnOptions& options;
    int null_fd;
    int report_fd;
    pid_t parent;
};

/// Between sessions only the nice value of their autogroups counts, where the kernel has these.
void step_back(int nice) {
    ::setpriority(PRIO_PROCESS, 0, std::max(nice, ::getpriority(PRIO_PROCESS, 0)));
    const int autogroup = ::open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
    if (autogroup < 0) return;
    const std::array<char, 2> digits{static_cast<char>('0' + nice / 10),
                                     static_cast<char>('0' + nice % 10)};
    [[maybe_unused]] const ssize_t ignored = ::write(autogroup, digits.data(), digits.size());
    ::close(autogroup);
}

[[noreturn]] void exec_child(const ChildPlan& plan) {
    const SpawnOptions& options = plan.options;
    const auto report = [&plan] {
        const int code = errno;
        [[maybe_unused]] const ssize_t ignored = ::write(plan.report_fd, &code, sizeof code);
        ::_exit(127);
    };
    ::setsid();
    // The kernel counts the death of the spawning thread as the parent's, so a Child must not
    // outlive the thread that spawned it; see Guest and run_command, which wait in that thread.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != plan.parent) ::_exit(127);
    ::dup2(options.input >= 0 ? options.input : plan.null_fd, STDIN_FILENO);
    if (options.output >= 0) ::dup2(options.output, STDOUT_FILENO);
    if (options.error >= 0) ::dup2(options.error, STDERR_FILENO);
    for (const int fd : options.keep) ::fcntl(fd, F_SETFD, 0);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    if (options.file_size_limit != 0) {
        const rlimit limit{options.file_size_limit, options.file_size_limit};
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    if (options.nice > 0) step_back(options.nice);
    if (options.no_address_randomisation) ::personality(ADDR_NO_RANDOMIZE);
    if (!options.directory.empty() && ::chdir(options.directory.c_str()) < 0) report();
    ::execve(plan.program.c_str(), plan.arguments.data(), plan.environment.data());
    report();
    ::_exit(127);
}

}  // namespace

Result<Interrupts> Interrupts::create() {
    const sigset_t stop = signal_set({SIGINT, SIGTERM, SIGHUP, SIGQUIT});
    const sigset_t window = signal_set({SIGWINCH});
    const sigset_t all = signal_set({SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH});
    if (::pthread_sigmask(SIG_BLOCK, &all, nullptr) != 0) return fail_errno("block", "signals");
    ::signal(SIGPIPE, SIG_IGN);  // a reader that went away is an error of write()
    Interrupts interrupts;
    interrupts.fd_.reset(::signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK));
    interrupts.window_fd_.reset(::signalfd(-1, &window, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!interrupts.fd_.valid() || !interrupts.window_fd_.valid())
        return fail_errno("create", "signalfd");
    return interrupts;
}

Result<Interrupts> Interrupts::create_within(const Interrupts* parent) {
    Interrupts interrupts;
    interrupts.stop_fd_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    interrupts.fd_.reset(::epoll_create1(EPOLL_CLOEXEC));
    if (!interrupts.stop_fd_.valid() || !interrupts.fd_.valid())
        return fail_errno("create", "an event descriptor");
    for (const int watched : {interrupts.stop_fd_.get(), parent != nullptr ? parent->fd() : -1}) {
        epoll_event event{EPOLLIN, {}};
        if (watched >= 0 && ::epoll_ctl(interrupts.fd(), EPOLL_CTL_ADD, watched, &event) < 0)
            return fail_errno("watch", "an event descriptor");
    }
    return interrupts;
}

void Interrupts::stop() const {
    ::eventfd_write(stop_fd_.get(), 1);
}

bool Interrupts::pending() const {
    return readable(fd());
}

int Interrupts::take() const {
    signalfd_siginfo info{};
    if (::read(fd(), &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return 0;
    return static_cast<int>(info.ssi_signo);
}

void Interrupts::take_window() const {
    signalfd_siginfo info{};
    while (::read(window_fd(), &info, sizeof info) > 0) {
    }
}

Result<Child> Child::spawn(const std::vector<std::string>& arguments, const SpawnOptions& options) {
    const auto program = find_program(arguments.at(0));
    if (!program) return fail_errno("run", arguments[0], ENOENT);
    std::vector<std::string> argument_storage = arguments;
    std::vector<std::string> environment_storage = child_environment(options.extra);
    auto null_fd = open_fd("/dev/null", O_RDWR);
    if (!null_fd) return tl::make_unexpected(null_fd.error());
    std::array<int, 2> report{};
    if (::pipe2(report.data(), O_CLOEXEC) < 0) return fail_errno("make", "a pipe");
    UniqueFd report_read{report[0]};
    UniqueFd report_write{report[1]};

    const ChildPlan plan{*program,
                         pointers(argument_storage),
                         pointers(environment_storage),
                         options,
                         null_fd->get(),
                         report_write.get(),
                         ::getpid()};
    const pid_t pid = ::fork();
    if (pid < 0) return fail_errno("fork for", arguments[0]);
    if (pid == 0) exec_child(plan);

    report_write.reset();
    UniqueFd pidfd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
    int code = pidfd.valid() ? 0 : errno;
    Child child{pid, std::move(pidfd)};
    if (code != 0) return fail_errno("watch", arguments[0], code);
    if (::read(report_read.get(), &code, sizeof code) == static_cast<ssize_t>(sizeof code))
        return fail_errno("run", arguments[0], code);
    return child;
}

Child::Child(Child&& other) noexcept
    : pid_{std::exchange(other.pid_, -1)},
      pidfd_{std::move(other.pidfd_)},
      status_{other.status_} {}

Child& Child::operator=(Child&& other) noexcept {
    std::swap(pid_, other.pid_);
    std::swap(pidfd_, other.pidfd_);
    std::swap(status_, other.status_);
    return *this;
}

Child::~Child() {
    if (pid_ <= 0 || status_) return;
    kill(SIGKILL);
    wait();
}

int Child::wait() {
    if (status_) return *status_;
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    status_ = status;
    return status;
}

void Child::kill(int signal) {
    if (pid_ > 0 && !status_) ::kill(pid_, signal);
}

namespace {

/// Calls @p line for every complete line of what has been appended to @p text since @p seen.
void report_lines(const std::string& text, std::size_t& seen,
                  const std::function<void(std::string_view)>& line) {
    for (auto end = text.find('\n', seen); end != std::string::npos; end = text.find('\n', seen)) {
        line(std::string_view{text}.substr(seen, end - seen));
        seen = end + 1;
    }
}

/// Reads what is there. @return false at the end of the stream
bool read_some(UniqueFd& fd, std::string& text) {
    std::array<char, 65536> buffer;
    const ssize_t size = ::read(fd.get(), buffer.data(), buffer.size());
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) return true;
    if (size <= 0) {
        fd.reset();
        return false;
    }
    text.append(buffer.data(), static_cast<std::size_t>(size));
    return true;
}

}  // namespace

Result<Pipe> make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) < 0) return fail_errno("make", "a pipe");
    return Pipe{UniqueFd{ends[0]}, UniqueFd{ends[1]}};
}

Result<CommandResult> run_command(const std::vector<std::string>& arguments,
                                  const CommandOptions& options) {
    auto input = make_pipe();
    auto output = make_pipe();
    auto error = make_pipe();
    if (!input || !output || !error) return fail_errno("make", "a pipe");
    SpawnOptions spawn = options.spawn;
    if (!options.input.empty()) spawn.input = input->read.get();
    spawn.output = output->write.get();
    spawn.error = error->write.get();
    auto child = Child::spawn(arguments, spawn);
    if (!child) return tl::make_unexpected(child.error());
    input->read.reset();
    output->write.reset();
    error->write.reset();
    UniqueFd& feed = input->write;
    ::fcntl(feed.get(), F_SETFL, O_NONBLOCK);

    CommandResult result;
    std::string_view to_write = options.input;
    std::size_t seen = 0;
    while (output->read.valid() || error->read.valid()) {
        if (to_write.empty()) feed.reset();
        std::array<pollfd, 4> fds{
            {{output->read.get(), POLLIN, 0},
             {error->read.get(), POLLIN, 0},
             {feed.get(), POLLOUT, 0},
             {options.interrupts ? options.interrupts->fd() : -1, POLLIN, 0}}};
        if (::poll(fds.data(), fds.size(), -1) < 0) continue;
        if (fds[3].revents != 0) return fail_errno("run", arguments[0], EINTR);
        if (fds[0].revents != 0) read_some(output->read, result.output);
        if (fds[1].revents != 0) read_some(error->read, result.error);
        if (fds[2].revents != 0) {
            const ssize_t written = ::write(feed.get(), to_write.data(), to_write.size());
            // A reader that stopped reading decides for itself whether that is an error.
            to_write.remove_prefix(written < 0 ? to_write.size()
                                               : static_cast<std::size_t>(written));
        }
        if (options.line) report_lines(result.output, seen, options.line);
    }
    result.status = child->wait();
    return result;
}

std::string describe_status(int wait_status) {
    if (WIFSIGNALED(wait_status)) return fmt::format("killed by signal {}", WTERMSIG(wait_status));
    return fmt::format("exit status {}", WEXITSTATUS(wait_status));
}

std::optional<std::string> find_program(const std::string& program) {
    if (program.find('/') != std::string::npos) return program;
    const char* path = std::getenv("PATH");
    std::string_view rest = path != nullptr ? path : "/usr/bin:/bin";
    while (!rest.empty()) {
        const auto end = std::min(rest.find(':'), rest.size());
        std::string candidate = std::string{rest.substr(0, end)} + "/" + program;
        if (::access(candidate.c_str(), X_OK) == 0) return candidate;
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return std::nullopt;
}

namespace {

/// Those of the first thread that asks, before it gives any up; none if the host does not tell.
const cpu_set_t& processors_at_first() {
    static const cpu_set_t at_first = [] {
        cpu_set_t allowed;
        CPU_ZERO(&allowed);
        if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) CPU_ZERO(&allowed);
        return allowed;
    }();
    return at_first;
}

}  // namespace

void use_all_processors() {
    const cpu_set_t& all = processors_at_first();
    if (CPU_COUNT(&all) > 0) ::sched_setaffinity(0, sizeof all, &all);
}

void stay_on_one_processor(std::size_t index) {
    const cpu_set_t& allowed = processors_at_first();
    std::vector<std::size_t> processors;
    for (std::size_t i = 0; i < CPU_SETSIZE; ++i)
        if (CPU_ISSET(i, &allowed)) processors.push_back(i);
    if (processors.empty()) return;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processors[index % processors.size()], &one);
    ::sched_setaffinity(0, sizeof one, &one);
}

}  // namespace relfence::lab
