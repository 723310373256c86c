// SPDX-License-Identifier: MIT
#include <algorithm>

#include <fmt/format.h>

#include <relfence/board/reset_controller.hpp>

namespace relfence::board {
namespace {

constexpr std::uint32_t register_size = 4;
constexpr std::uint32_t lines_each = 32;

}  // namespace

ResetController::ResetController(EventLog& log, std::vector<DeviceModel*> lines)
    : log_{log},
      lines_{std::move(lines)},
      asserted_((lines_.size() + lines_each - 1) / lines_each) {}

std::uint32_t ResetController::read(std::uint32_t offset) {
    if (offset % register_size == 0 && offset / register_size < asserted_.size())
        return asserted_[offset / register_size];
    log_.driver_bug(name(), fmt::format("read of unknown register {:#x}", offset));
    return 0;
}

void ResetController::write(std::uint32_t offset, std::uint32_t value) {
    const std::size_t bank = offset / register_size;
    if (offset % register_size != 0 || bank >= asserted_.size())
        return log_.driver_bug(name(), fmt::format("write to unknown register {:#x}", offset));
    const std::uint32_t rising = value & ~asserted_[bank];
    asserted_[bank] = value;
    for (std::uint32_t bit = 0; bit < lines_each; ++bit) {
        if ((rising >> bit & 1) == 0) continue;
        const std::size_t line = bank * lines_each + bit;
        if (line < lines_.size()) {
            log_.event(name(), fmt::format("line {} resets {}", line, lines_[line]->name()));
            lines_[line]->reset();
        } else {
            log_.driver_bug(name(), fmt::format("line {} is nobody's", line));
        }
    }
}

void ResetController::reset() {
    std::ranges::fill(asserted_, 0U);
}

}  // namespace relfence::board
