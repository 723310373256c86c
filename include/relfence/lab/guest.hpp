// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <optional>
#include <poll.h>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/base/unique_fd.hpp>
#include <relfence/lab/guest_board.hpp>
#include <relfence/lab/guest_frame.hpp>
#include <relfence/lab/guest_job.hpp>
#include <relfence/lab/process.hpp>
#include <relfence/lab/scratch.hpp>

namespace relfence::lab {

/// A guest to boot.
struct GuestConfig {
    std::filesystem::path kernel;  ///< the `linux` binary
    std::filesystem::path init;    ///< relfence-init
    std::string memory = "512M";
    GuestJob job;
    std::vector<std::string> kernel_arguments{};  ///< more of the kernel's command line
    BoardConfig board{};                          ///< hardware for the kernel's drivers
};

/// Whether the .config beside a `linux` binary has CONFIG_SMP. Its guests get two processors, each
/// a thread of the host.
[[nodiscard]] bool is_smp_kernel(const std::filesystem::path& kernel);

/// What a guest does, told to whoever pumps it. Called from Guest::pump() only.
class GuestEvents {
  public:
    virtual ~GuestEvents() = default;
    /// Bytes of the kernel's console, and of what the kernel process itself prints.
    virtual void on_console(std::string_view bytes) = 0;
    virtual void on_output(std::string_view bytes) = 0;  ///< the command's stdout, or its pty
    virtual void on_error(std::string_view bytes) = 0;   ///< the command's stderr
    virtual void on_started() {}                         ///< the command runs
    virtual void on_exited() {}  ///< the command has ended; the machine goes off now
};

/// How a guest ended.
struct GuestEnd {
    std::optional<int> command_status;  ///< wait status, when the command came to its end
    std::string failure;     ///< relfence-init's words, when it could not start the command
    std::string board;       ///< why the board ended, when it did so before the machine
    int machine_status = 0;  ///< wait status of the kernel process (in its sandbox)
};

/// A running guest: the kernel in its sandbox, its console, its serial line, its scratch directory.
///
/// Nothing of it outlives this object. Single-threaded: started, pumped and destroyed in one
/// thread.
class Guest {
  public:
    /// Boots the guest. @return an error naming what is missing or could not be made
    [[nodiscard]] static Result<Guest> start(GuestConfig config);
    Guest(Guest&&) noexcept = default;
    Guest& operator=(Guest&&) noexcept = default;

    /// Waits until the guest or one of @p others has something, or for @p timeout_ms (-1: for
    /// ever), and tells @p events. Whoever calls it looks at the revents of @p others afterwards.
    /// @param take_output false leaves the command's output where it is, so that a slow reader of
    ///        ours slows the command down and no memory fills
    [[nodiscard]] Result<void> pump(GuestEvents& events, std::span<pollfd> others, int timeout_ms,
                                    bool take_output = true);
    /// The machine is off and all that it said has been told.
    [[nodiscard]] const std::optional<GuestEnd>& end() const { return end_; }

    /// How many bytes send_input() takes now; none while the last ones are on their way.
    [[nodiscard]] std::size_t input_room() const;
    /// Bytes for the command's stdin, at most input_room().
    void send_input(std::string_view bytes);
    void send_input_end();
    void send_signal(int signal);
    void send_window(std::uint32_t rows, std::uint32_t columns);
    /// Switches the machine off the hard way; pump() then soon sees its end.
    void kill();

    [[nodiscard]] const std::filesystem::path& scratch() const { return scratch_.path(); }

  private:
    Guest(Scratch scratch, std::optional<GuestBoard> board, Child machine, UniqueFd console,
          UniqueFd from_guest, UniqueFd to_guest);
    void send(std::string bytes);
    void flush();
    void read_console(GuestEvents& events);
    void read_line(GuestEvents& events);
    void take(const Frame& frame, GuestEvents& events);

    // In this order: the machine is dead before its board goes, and that before the scratch
    // directory with its sockets.
    Scratch scratch_;
    std::optional<GuestBoard> board_;
    Child machine_;
    UniqueFd console_;
    UniqueFd from_guest_;
    UniqueFd to_guest_;
    FrameReader reader_;
    bool greeted_ = false;  ///< the guest has its line raw
    std::string unsent_;
    std::size_t input_in_flight_ = 0;
    GuestEnd so_far_;
    std::optional<GuestEnd> end_;
};

/// The host's path of relfence-init: beside the running program.
[[nodiscard]] Result<std::filesystem::path> find_guest_init();

}  // namespace relfence::lab
