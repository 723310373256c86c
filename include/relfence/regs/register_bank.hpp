// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace relfence::regs {

/// What a write does to a field, as manuals write it.
enum class Access : std::uint8_t {
    rw,   ///< takes the written value
    ro,   ///< a write changes nothing
    w1c,  ///< a written 1 clears the bit
    w0c,  ///< a written 0 clears the bit, a 1 leaves it: hantro's interrupt status
    wo,   ///< takes the written value, reads as 0
    w1p,  ///< a pulse: a written 1 makes on_write see it, reads as 0
};

/// A field of a register, in a manual's own name.
struct Field {
    const char* name;      ///< e.g. "sw_dec_irq_stat"
    std::uint32_t offset;  ///< of its register, in bytes from the start of the block
    std::uint8_t lsb;
    std::uint8_t width;  ///< 1 to 32 bits
    Access access = Access::rw;

    [[nodiscard]] constexpr std::uint32_t mask() const {
        return (width >= 32 ? 0xffffffffU : (1U << width) - 1U) << lsb;
    }
};

/// A register of the block. Bits of it that no field covers are "not modelled": writing a 1 there
/// is reported once by name.
struct Register {
    const char* name;
    std::uint32_t offset;
    std::uint32_t reset = 0;
    /// All 32 bits are one plain value (an address, a table): no fields needed.
    bool plain = false;
};

/// The registers of one device: values, access rules, resets, and a report of everything that the
/// tables do not know.
///
/// Registers that mean something else in another mode (the codec views of hantro's swregs) are
/// described by further field tables over the same offsets, see add_view(). Not thread-safe: used
/// by the board's thread only; copy it to hand a job's registers to another thread.
class RegisterBank {
  public:
    /// Told about an access that the tables do not know: "rga: write 0x1 to unknown register
    /// 0x3fc".
    using Report = std::function<void(const std::string&)>;

    /// @param device name for reports @param size of the block in bytes; accesses beyond it are
    /// unknown
    RegisterBank(std::string device, std::uint32_t size, std::span<const Register> registers,
                 std::span<const Field> fields);

    /// Fields of a further view (e.g. "vp8") over the same registers: they count as modelled.
    void add_view(std::span<const Field> fields);
    void on_unknown(Report report) { report_ = std::move(report); }

    /// The guest reads. Unknown registers read as 0 and are reported.
    [[nodiscard]] std::uint32_t read(std::uint32_t offset);
    /// The guest writes: applies the access rules of each field of the register.
    void write(std::uint32_t offset, std::uint32_t value);
    /// The device itself reads or sets, past every access rule.
    [[nodiscard]] std::uint32_t value(std::uint32_t offset) const;
    void set(std::uint32_t offset, std::uint32_t value);
    [[nodiscard]] std::uint32_t get(const Field& field) const;
    /// Two's complement value of a field.
    [[nodiscard]] std::int32_t get_signed(const Field& field) const;
    void put(const Field& field, std::uint32_t value);
    /// All registers to their reset values.
    void reset();
    [[nodiscard]] std::string_view name_of(std::uint32_t offset) const;

  private:
    struct Cell {
        const Register* description = nullptr;
        std::uint32_t value = 0;
        std::uint32_t known = 0;  ///< bits of any field
        std::uint32_t rw = 0, w1c = 0, w0c = 0, hidden = 0;
        bool reported_bits = false;
    };
    void unknown(const char* what, std::uint32_t offset, std::uint32_t value);

    std::string device_;
    std::vector<Cell> cells_;  ///< by offset / 4
    Report report_;
    std::vector<std::uint32_t> reported_;
};

}  // namespace relfence::regs
