// SPDX-License-Identifier: MIT
#include <array>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <fmt/format.h>

#include <relfence/lab/exec_session.hpp>

namespace relfence::lab {
namespace fs = std::filesystem;
using std::chrono::steady_clock;
namespace {

/// Our terminal in raw mode for as long as this lives.
class RawTerminal {
  public:
    RawTerminal() : active_{::tcgetattr(STDIN_FILENO, &before_) == 0} {
        if (!active_) return;
        termios raw = before_;
        ::cfmakeraw(&raw);
        ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    RawTerminal(const RawTerminal&) = delete;
    RawTerminal& operator=(const RawTerminal&) = delete;
    ~RawTerminal() {
        if (active_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
    }

  private:
    termios before_{};
    bool active_;
};

std::optional<winsize> window_size() {
    winsize size{};
    for (const int fd : {STDOUT_FILENO, STDIN_FILENO})
        if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_row > 0) return size;
    return std::nullopt;
}

/// Bytes on their way to one of our streams, which may be slower than the guest.
class Outlet {
  public:
    explicit Outlet(int fd) : fd_{fd} {}
    void add(std::string_view bytes) { pending_ += bytes; }
    [[nodiscard]] bool empty() const { return pending_.empty(); }
    [[nodiscard]] bool closed() const { return closed_; }
    [[nodiscard]] pollfd waiter() const { return {pending_.empty() ? -1 : fd_, POLLOUT, 0}; }
    /// Writes what poll() said there is room for: a pipe that is ready takes PIPE_BUF bytes without
    /// blocking, whether or not its descriptor is non-blocking for others that share it.
    void write_some() {
        const ssize_t written =
            ::write(fd_, pending_.data(), std::min<std::size_t>(pending_.size(), 4096));
        if (written >= 0) {
            pending_.erase(0, static_cast<std::size_t>(written));
        } else if (errno != EAGAIN && errno != EINTR) {
            pending_.clear();
            closed_ = true;
        }
    }

  private:
    int fd_;
    std::string pending_;
    bool closed_ = false;
};

class ExecSession : public GuestEvents {
  public:
    ExecSession(const ExecOptions& options, const Interrupts& interrupts)
        : options_{options}, interrupts_{interrupts} {}

    Result<int> run(Guest& guest);

    void on_console(std::string_view bytes) override {
        console_tail_ += bytes;
        if (console_tail_.size() > 64 * 1024)
            console_tail_.erase(0, console_tail_.size() - 32 * 1024);
        if (console_.valid() && ::write(console_.get(), bytes.data(), bytes.size()) < 0)
            console_.reset();
    }
    void on_output(std::string_view bytes) override { output_.add(bytes); }
    void on_error(std::string_view bytes) override { error_.add(bytes); }
    void on_started() override { started_ = true; }

    Result<void> open_console() {
        if (options_.console_file.empty()) return {};
        auto file = open_fd(options_.console_file, O_WRONLY | O_CREAT | O_TRUNC, 0644);
        if (!file) return tl::make_unexpected(file.error());
        console_ = std::move(*file);
        return {};
    }

  private:
    [[nodiscard]] int remaining_ms() const;
    void take_signal(Guest& guest);
    void take_input(Guest& guest);
    void say(std::string_view text) { error_.add(fmt::format("relfence-lab: {}\n", text)); }
    int conclude(const GuestEnd& end);

    const ExecOptions& options_;
    const Interrupts& interrupts_;
    UniqueFd console_;
    std::string console_tail_;
    Outlet output_{STDOUT_FILENO};
    Outlet error_{STDERR_FILENO};
    std::optional<steady_clock::time_point> deadline_;
    bool started_ = false;
    bool input_ended_ = false;
    bool pipe_reported_ = false;
    bool timed_out_ = false;
    int signals_ = 0;
    int last_signal_ = 0;
};

int ExecSession::remaining_ms() const {
    if (!deadline_ || timed_out_) return -1;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(*deadline_ - steady_clock::now());
    return static_cast<int>(std::max<std::chrono::milliseconds::rep>(left.count(), 0));
}

void ExecSession::take_signal(Guest& guest) {
    const int signal = interrupts_.take();
    if (signal == 0) return;
    last_signal_ = signal;
    // Before the command runs there is nobody to pass it to.
    if (++signals_ > 1 || !started_) return guest.kill();
    guest.send_signal(signal);
}

void ExecSession::take_input(Guest& guest) {
    std::array<char, 32 * 1024> buffer;
    const ssize_t size =
        ::read(STDIN_FILENO, buffer.data(), std::min(buffer.size(), guest.input_room()));
    if (size > 0) return guest.send_input({buffer.data(), static_cast<std::size_t>(size)});
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    input_ended_ = true;
    if (options_.terminal) guest.send_input("\x04");  // a pty has no end of file, but this
    guest.send_input_end();
}

Result<int> ExecSession::run(Guest& guest) {
    if (options_.timeout) deadline_ = steady_clock::now() + *options_.timeout;
    while (!guest.end() || !output_.empty() || !error_.empty()) {
        const bool wants_input = !guest.end() && !input_ended_ && guest.input_room() > 0;
        std::array<pollfd, 5> fds{{{interrupts_.fd(), POLLIN, 0},
                                   {interrupts_.window_fd(), POLLIN, 0},
                                   {wants_input ? STDIN_FILENO : -1, POLLIN, 0},
                                   output_.waiter(),
                                   error_.waiter()}};
        if (guest.end()) {
            ::poll(fds.data(), fds.size(), remaining_ms());
        } else {
            const bool take_output = output_.empty() && error_.empty();
            if (auto pumped = guest.pump(*this, fds, remaining_ms(), take_output); !pumped)
                return tl::make_unexpected(pumped.error());
        }
        if (fds[0].revents != 0) {
            if (guest.end()) return 128 + interrupts_.take();
            take_signal(guest);
        }
        if (fds[1].revents != 0) {
            interrupts_.take_window();
            if (const auto size = window_size()) guest.send_window(size->ws_row, size->ws_col);
        }
        if (fds[2].revents != 0) take_input(guest);
        if (fds[3].revents != 0) output_.write_some();
        if (fds[4].revents != 0) error_.write_some();
        // Whoever read our stdout is gone: the command learns it as it would without the guest.
        if (output_.closed() && !std::exchange(pipe_reported_, true)) guest.send_signal(SIGPIPE);
        if (remaining_ms() == 0) {
            timed_out_ = true;
            guest.kill();
        }
    }
    return conclude(*guest.end());
}

int ExecSession::conclude(const GuestEnd& end) {
    int code = 0;
    if (end.command_status) {
        const int status = *end.command_status;
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    if (!end.failure.empty()) {
        say(end.failure);
        code = exit_tool_error;
    } else if (!end.board.empty() && signals_ == 0) {
        say(fmt::format("the board ended: {}", end.board));
        code = exit_guest_died;
    } else if (timed_out_) {
        say(fmt::format("no end after {} s: guest switched off",
                        static_cast<double>(options_.timeout->count()) / 1000));
        code = exit_timed_out;
    } else if (signals_ > 0) {
        code = 128 + last_signal_;
    } else {
        const auto tail = console_tail_.size() > 4096
                              ? console_tail_.find('\n', console_tail_.size() - 4096) + 1
                              : 0;
        error_.add(console_tail_.substr(tail));
        say(fmt::format("the guest died ({}); its last words are above",
                        describe_status(end.machine_status)));
        code = exit_guest_died;
    }
    while (!error_.empty()) error_.write_some();
    return code;
}

bool hidden_in_guest(const fs::path& path) {
    const std::string text = path.string();
    return text.starts_with("/tmp/") || text.starts_with("/run/");
}

std::vector<std::string> guest_environment() {
    std::vector<std::string> result;
    for (char** variable = environ; *variable != nullptr; ++variable) {
        const std::string_view text{*variable};
        const std::string_view name = text.substr(0, text.find('='));
        if (name == "HOME" || name == "TMPDIR" || name.starts_with("XDG_") || name == "PWD" ||
            name == "OLDPWD")
            continue;
        result.emplace_back(text);
    }
    result.insert(result.end(), {"HOME=/tmp/home", "TMPDIR=/tmp", "XDG_RUNTIME_DIR=/run/user/0"});
    return result;
}

}  // namespace

GuestJob make_guest_job(const std::vector<std::string>& command, const fs::path& directory) {
    GuestJob job;
    job.arguments = command;
    job.environment = guest_environment();
    job.environment.push_back("PWD=" + directory.string());
    job.directory = directory.string();
    if (hidden_in_guest(directory)) job.mounts.push_back({directory.string(), false});
    for (const auto& argument : command) {
        if (argument.empty() || argument.starts_with('-')) continue;
        const fs::path path = (directory / argument).lexically_normal();
        std::error_code error;
        if (!hidden_in_guest(path) || !fs::exists(path, error)) continue;
        // A program's libraries and data often lie beside it.
        const bool is_program = &argument == command.data();
        const fs::path shown =
            is_program && hidden_in_guest(path.parent_path()) ? path.parent_path() : path;
        job.mounts.push_back({shown.string(), false});
    }
    return job;
}

Result<int> exec_in_guest(const ExecOptions& options, const Interrupts& interrupts) {
    auto init = find_guest_init();
    if (!init) return tl::make_unexpected(init.error());
    std::error_code error;
    GuestConfig config{options.kernel, *init, options.memory,
                       make_guest_job(options.command, fs::current_path(error))};
    config.board = options.board;
    for (const auto& directory : options.share) {
        const fs::path path = fs::canonical(directory, error);
        if (error) return fail_errno("share", directory, error.value());
        config.job.mounts.push_back({path.string(), true});
    }
    config.job.terminal = options.terminal;
    if (const auto size = window_size()) {
        config.job.rows = size->ws_row;
        config.job.columns = size->ws_col;
    }
    ExecSession session{options, interrupts};
    if (auto opened = session.open_console(); !opened) return tl::make_unexpected(opened.error());
    auto guest = Guest::start(std::move(config));
    if (!guest) return tl::make_unexpected(guest.error());
    std::optional<RawTerminal> raw;
    if (options.terminal) raw.emplace();
    return session.run(*guest);
}

}  // namespace relfence::lab
