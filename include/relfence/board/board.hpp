// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/board/description.hpp>
#include <relfence/board/job.hpp>

namespace relfence::board {

/// "vdpu:3:hang": job 3 of the engine vdpu hangs. "rga:*:late": every job of it is late.
struct FaultRule {
    std::string engine;
    std::uint64_t job = 0;  ///< 0: all that no other rule names
    Fault fault = Fault::none;
};

/// @return why @p text is no rule, with what it may be
[[nodiscard]] Result<FaultRule> parse_fault_rule(std::string_view text);
/// Names of the faults as rules have them, in the order of Fault, without "none".
[[nodiscard]] std::vector<std::string> fault_names();
/// "16ms", "500us", "2s", or "real" for Nanoseconds{0}: as long as the computation takes.
[[nodiscard]] Result<Nanoseconds> parse_duration(std::string_view text);

enum class Time : std::uint8_t {
    real,      ///< the host's clock
    simulated  ///< passes only when guest and board have nothing left to do, see VirtualTime
};
/// "real" or "virtual".
[[nodiscard]] Result<Time> parse_time(std::string_view text);

struct BoardOptions {
    std::filesystem::path directory;  ///< gets board.dtb and the sockets; must exist
    std::string log;                  ///< file of the events; "-": standard error, empty: nowhere
    /// File that gets what was counted, as JSON, whenever a guest goes; empty: none.
    std::string statistics;
    bool strict = false;  ///< a driver bug ends run() with an error
    /// Of every job; 0: as long as the computation takes, which is no virtual time at all.
    Nanoseconds duration{0};
    std::vector<FaultRule> faults;
    Time time = Time::real;
};

/// What a board counted since it was made.
struct BoardCounters {
    std::uint64_t guests = 0;
    std::uint64_t driver_bugs = 0;
};

/// A Rockchip board for one User Mode Linux guest after the other.
///
/// It is switched on when a guest's bus comes and off when that goes: each guest finds registers at
/// their reset values and jobs counted from 1.
///
/// create(), run() and the destructor in one thread; stop() from anywhere.
class Board {
  public:
    /// Writes DIR/board.dtb and listens on DIR/bus.sock, DIR/gpio.sock, and with virtual time on
    /// DIR/time.sock.
    /// @param description outlives the board
    /// @return an error when a file or a socket cannot be made, a socket is in use, or a fault
    ///         rule names an engine that the board does not have
    [[nodiscard]] static Result<std::unique_ptr<Board>> create(const Description& description,
                                                               BoardOptions options);
    Board(const Board&) = delete;
    Board& operator=(const Board&) = delete;
    /// Removes what create() made in the directory.
    ~Board();

    /// What a kernel needs on its command line: "dtb=DIR/board.dtb", and with virtual time
    /// "time-travel=ext:1:DIR/time.sock".
    [[nodiscard]] std::vector<std::string> kernel_arguments() const;
    /// Serves guests until stop().
    /// @return an error when strict and a driver did something wrong, or when waiting fails. A
    ///         guest that breaks the protocol is logged and sent away; the next may come
    [[nodiscard]] Result<void> run();
    /// Ends run(), now or when it begins. Safe in a signal handler.
    void stop();
    [[nodiscard]] BoardCounters counters() const;

  private:
    class Machine;
    explicit Board(std::unique_ptr<Machine> machine);
    std::unique_ptr<Machine> machine_;
};

}  // namespace relfence::board
