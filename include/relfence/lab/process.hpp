// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/base/unique_fd.hpp>

namespace relfence::lab {

/// The signals that ask the lab to stop, as a file descriptor that becomes readable.
///
/// Blocks SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGWINCH in the calling thread: create it in main
/// before any thread. Everything in the lab that waits also waits for this descriptor and leaves it
/// unread, so that one Ctrl-C reaches every waiter, in whatever thread.
class Interrupts {
  public:
    [[nodiscard]] static Result<Interrupts> create();
    /// The same, and stop() too: what waits for it ends on a signal or when another part of the
    /// same work has failed. @param parent must outlive it; null: only stop()
    [[nodiscard]] static Result<Interrupts> create_within(const Interrupts* parent);
    /// Stops all that waits for it. Only of create_within(). Safe from any thread.
    void stop() const;
    [[nodiscard]] int fd() const { return fd_.get(); }
    /// Readable once the window of the terminal has changed size.
    [[nodiscard]] int window_fd() const { return window_fd_.get(); }
    /// Whether a stop has been asked for and nobody has taken it.
    [[nodiscard]] bool pending() const;
    /// Takes one signal off the queue; 0 when there is none. Only for a caller that handles it.
    [[nodiscard]] int take() const;
    /// Takes a change of the window size off the queue.
    void take_window() const;

  private:
    UniqueFd fd_;
    UniqueFd window_fd_;
    UniqueFd stop_fd_;
};

/// What a child process gets.
struct SpawnOptions {
    std::string directory;                     ///< empty: the caller's
    std::map<std::string, std::string> extra;  ///< added to the environment
    int input = -1;                            ///< its stdin; -1: /dev/null
    int output = -1;                           ///< its stdout; -1: the caller's
    int error = -1;                            ///< its stderr; -1: the caller's
    std::vector<int> keep;                     ///< further descriptors, at their own numbers
    bool no_address_randomisation = false;     ///< as setarch -R does
    unsigned long file_size_limit = 0;         ///< RLIMIT_FSIZE in bytes; 0: the caller's
    /// How far it steps back, with all that it starts, behind others that want a processor: 0 to
    /// 19. Source: setpriority(2), and sched(7) for the autogroup that its session makes.
    int nice = 0;
};

/// A running child process. Kills and reaps it on destruction, so none is ever left behind. It runs
/// in a session of its own: a Ctrl-C on the terminal reaches the lab alone. Move-only.
class Child {
  public:
    /// Starts @p arguments, the program found through PATH. @return an error when it cannot be
    /// executed, naming the program.
    [[nodiscard]] static Result<Child> spawn(const std::vector<std::string>& arguments,
                                             const SpawnOptions& options = {});
    Child(Child&& other) noexcept;
    Child& operator=(Child&& other) noexcept;
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child();

    /// Readable once the child has exited.
    [[nodiscard]] int exit_fd() const { return pidfd_.get(); }
    [[nodiscard]] pid_t pid() const { return pid_; }
    /// Waits for the exit, for as long as it takes. @return its wait status
    int wait();
    void kill(int signal);

  private:
    Child(pid_t pid, UniqueFd pidfd) : pid_{pid}, pidfd_{std::move(pidfd)} {}
    pid_t pid_ = -1;
    UniqueFd pidfd_;
    std::optional<int> status_;
};

/// Keeps the calling thread, and what it starts from now on, on one processor: number @p index,
/// modulo their count, of those that it may use. A guest of User Mode Linux is a kernel process and
/// a process of its userspace that take turns at each system call; the scheduler of an idle host
/// puts them on two processors, and each turn then costs some five times as much. Does nothing
/// where the host does not allow it. Source: sched_setaffinity(2).
void stay_on_one_processor(std::size_t index);
/// Undoes stay_on_one_processor() for the calling thread and what it starts from now on.
void use_all_processors();

/// Both ends of a pipe, closed in programs that are started.
struct Pipe {
    UniqueFd read;
    UniqueFd write;
};
[[nodiscard]] Result<Pipe> make_pipe();

/// What a finished command left.
struct CommandResult {
    int status = 0;      ///< wait status
    std::string output;  ///< stdout
    std::string error;   ///< stderr
    [[nodiscard]] bool ok() const { return status == 0; }
};

/// Options of run_command() beyond SpawnOptions.
struct CommandOptions {
    SpawnOptions spawn;
    std::string input;                                ///< text for its stdin
    std::function<void(std::string_view line)> line;  ///< called for each line of stdout
    const Interrupts* interrupts = nullptr;           ///< stops the command: error EINTR
};

/// Runs a command to its end and gathers its output.
/// @return its result, whatever its status; an error when it could not start or was interrupted
[[nodiscard]] Result<CommandResult> run_command(const std::vector<std::string>& arguments,
                                                const CommandOptions& options = {});

/// "exit status 2" or "killed by signal 9".
[[nodiscard]] std::string describe_status(int wait_status);

/// Where @p program is found through PATH, or nothing.
[[nodiscard]] std::optional<std::string> find_program(const std::string& program);

}  // namespace relfence::lab
