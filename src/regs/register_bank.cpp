// SPDX-License-Identifier: MIT
#include <algorithm>

#include <fmt/format.h>

#include <relfence/regs/register_bank.hpp>

namespace relfence::regs {
namespace {

constexpr std::uint32_t all_bits = 0xffffffffU;
constexpr std::uint32_t register_size = 4;

}  // namespace

RegisterBank::RegisterBank(std::string device, std::uint32_t size,
                           std::span<const Register> registers, std::span<const Field> fields)
    : device_{std::move(device)}, cells_(size / register_size) {
    for (const Register& row : registers) {
        Cell& cell = cells_.at(row.offset / register_size);
        cell.description = &row;
        cell.value = row.reset;
        if (row.plain) cell.known = cell.rw = all_bits;
    }
    add_view(fields);
}

void RegisterBank::add_view(std::span<const Field> fields) {
    for (const Field& field : fields) {
        Cell& cell = cells_.at(field.offset / register_size);
        const std::uint32_t mask = field.mask();
        cell.known |= mask;
        switch (field.access) {
            case Access::rw:
                cell.rw |= mask;
                break;
            case Access::ro:
                break;
            case Access::w1c:
                cell.w1c |= mask;
                break;
            case Access::w0c:
                cell.w0c |= mask;
                break;
            case Access::wo:
                cell.rw |= mask;
                cell.hidden |= mask;
                break;
            case Access::w1p:
                cell.hidden |= mask;
                break;
        }
        // A bit that is cleared by a write in one view is so in all of them.
        cell.rw &= ~(cell.w1c | cell.w0c);
    }
}

void RegisterBank::unknown(const char* what, std::uint32_t offset, std::uint32_t value) {
    // Drivers poll: say it once for each direction.
    const std::uint32_t key = offset * 2 + (what[0] == 'w' ? 1 : 0);
    if (std::ranges::find(reported_, key) != reported_.end()) return;
    reported_.push_back(key);
    if (!report_) return;
    report_(what[0] == 'w'
                ? fmt::format("{}: write {:#x} to unknown register {:#05x}", device_, value, offset)
                : fmt::format("{}: read of unknown register {:#05x}", device_, offset));
}

std::uint32_t RegisterBank::read(std::uint32_t offset) {
    const std::size_t index = offset / register_size;
    if (offset % register_size != 0 || index >= cells_.size() ||
        (cells_[index].description == nullptr && cells_[index].known == 0)) {
        unknown("read", offset, 0);
        return 0;
    }
    return cells_[index].value & ~cells_[index].hidden;
}

void RegisterBank::write(std::uint32_t offset, std::uint32_t value) {
    const std::size_t index = offset / register_size;
    if (offset % register_size != 0 || index >= cells_.size() ||
        (cells_[index].description == nullptr && cells_[index].known == 0))
        return unknown("write", offset, value);
    Cell& cell = cells_[index];
    // Zeros are no use of a bit, and what it read from there a driver may write back.
    if (const std::uint32_t strange = value & ~cell.known & ~cell.value;
        strange != 0 && !cell.reported_bits) {
        cell.reported_bits = true;
        if (report_)
            report_(fmt::format("{}: write {:#x} to {} ({:#05x}): bits {:#x} are not modelled",
                                device_, value, name_of(offset), offset, strange));
    }
    std::uint32_t result = (cell.value & ~cell.rw) | (value & cell.rw);
    result &= ~(value & cell.w1c);
    result &= ~(~value & cell.w0c);
    cell.value = result;
}

std::uint32_t RegisterBank::value(std::uint32_t offset) const {
    return cells_.at(offset / register_size).value;
}

void RegisterBank::set(std::uint32_t offset, std::uint32_t value) {
    cells_.at(offset / register_size).value = value;
}

std::uint32_t RegisterBank::get(const Field& field) const {
    return (value(field.offset) & field.mask()) >> field.lsb;
}

std::int32_t RegisterBank::get_signed(const Field& field) const {
    const std::uint32_t sign = 1U << (field.width - 1);
    return static_cast<std::int32_t>((get(field) ^ sign) - sign);
}

void RegisterBank::put(const Field& field, std::uint32_t value) {
    std::uint32_t& bits = cells_.at(field.offset / register_size).value;
    bits = (bits & ~field.mask()) | ((value << field.lsb) & field.mask());
}

void RegisterBank::reset() {
    for (Cell& cell : cells_)
        cell.value = cell.description != nullptr ? cell.description->reset : 0;
}

std::string_view RegisterBank::name_of(std::uint32_t offset) const {
    const std::size_t index = offset / register_size;
    if (index >= cells_.size() || cells_[index].description == nullptr) return "unknown";
    return cells_[index].description->name;
}

}  // namespace relfence::regs
