// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <relfence/base/error.hpp>

namespace relfence::board {

using Nanoseconds = std::chrono::nanoseconds;

/// A device's way to memory. Refuses everything outside the guest's memory; that is a bus error.
/// Safe from any thread while the guest is there.
class Dma {
  public:
    virtual ~Dma() = default;
    /// @p length bytes at the bus address @p address (guest physical). EFAULT when not all there.
    /// Shared with the guest: read each value once.
    [[nodiscard]] virtual Result<std::span<std::byte>> slice(std::uint64_t address,
                                                             std::uint64_t length) const = 0;
};

/// The board's time, and everything that happens later. Board thread only.
class Timeline {
  public:
    using Id = std::uint64_t;
    virtual ~Timeline() = default;
    [[nodiscard]] virtual Nanoseconds now() const = 0;
    /// Calls @p what in the board's thread at @p when. @return for cancel()
    virtual Id at(Nanoseconds when, std::function<void()> what) = 0;
    /// It will not be called any more; nothing when it was already.
    virtual void cancel(Id id) = 0;
    /// Runs @p work off the board's thread, so that registers can be read meanwhile, then @p done
    /// in the board's thread. In virtual time both run before this returns.
    virtual void compute(std::function<void()> work, std::function<void()> done) = 0;
};

/// A level interrupt line of a device. Board thread only.
class InterruptLine {
  public:
    virtual ~InterruptLine() = default;
    virtual void set(bool high) = 0;
};

/// What becomes of a job.
enum class JobEvent : std::uint8_t {
    started,
    done,
    failed,  ///< ended with an error
    aborted  ///< by a reset, or by its enable bit
};

/// What happens on the board, for people and for tests: one line per event, with the board's time
/// and the device. No guest physical address goes in: they differ from run to run.
class EventLog {
  public:
    virtual ~EventLog() = default;
    /// Something the hardware did: "job 12 started", "interrupt".
    virtual void event(std::string_view device, std::string_view text) = 0;
    /// Something the driver did wrong: a bad address, an unknown register. Counted; fatal when
    /// strict.
    virtual void driver_bug(std::string_view device, std::string_view text) = 0;
    /// What event() says of jobs, for who counts them.
    virtual void job(std::string_view /*device*/, JobEvent /*event*/) {}
};

/// What a device model gets from its board. All of it outlives the model.
struct Environment {
    Dma& dma;
    Timeline& timeline;
    EventLog& log;
};

/// A device of the board as its driver sees it: registers, and a reset line.
///
/// All of it is called in the board's thread and returns at once; what takes time goes through
/// Environment::timeline.
class DeviceModel {
  public:
    virtual ~DeviceModel() = default;
    [[nodiscard]] virtual std::string_view name() const = 0;
    [[nodiscard]] virtual std::uint32_t read(std::uint32_t offset) = 0;
    virtual void write(std::uint32_t offset, std::uint32_t value) = 0;
    /// The reset line was asserted: what runs is aborted, registers have their reset values.
    virtual void reset() = 0;
};

/// What a job writes to memory, in the order in which the hardware would: rows from top to bottom,
/// luma and chroma of a row of macroblocks together.
struct MemoryWrite {
    /// Has its bytes itself.
    MemoryWrite(std::uint64_t to, std::vector<std::byte> own)
        : MemoryWrite{to, std::make_shared<const std::vector<std::byte>>(std::move(own))} {}
    /// @param lent somebody else's bytes, which stay as they are until the engine begins its next
    ///        computation @param of keeps them
    MemoryWrite(std::uint64_t to, std::span<const std::byte> lent, std::shared_ptr<const void> of)
        : address{to}, bytes{lent}, owner{std::move(of)} {}

    std::uint64_t address;  ///< bus address
    std::span<const std::byte> bytes;
    std::shared_ptr<const void> owner;

  private:
    MemoryWrite(std::uint64_t to, std::shared_ptr<const std::vector<std::byte>> own)
        : address{to}, bytes{*own}, owner{std::move(own)} {}
};
using MemoryWrites = std::vector<MemoryWrite>;

}  // namespace relfence::board
