// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace relfence::board {

/// Which model an engine has.
enum class EngineKind : std::uint8_t { vdpu, vepu, rga_rk3399, rga_rk3568 };

/// One engine of a peripheral: what has jobs, an interrupt and a name of its own.
struct Engine {
    EngineKind kind;
    const char* name;       ///< in the log and in fault rules: "vdpu"
    const char* interrupt;  ///< its name in the device tree
    std::uint32_t offset;   ///< of its registers within the peripheral
    std::uint32_t length;
};

/// A peripheral as its driver's device tree binding has it.
struct Peripheral {
    const char* node;  ///< generic node name: "video-codec"
    std::vector<const char*> compatible;
    std::uint32_t address;  ///< as the guest sees it, on PlatformBus
    std::uint32_t length;
    std::vector<Engine> engines;
    std::vector<const char*> clocks;
    std::vector<const char*> resets;
};

/// A board, as data: all else follows from it.
struct Description {
    const char* name;   ///< "fresnel"
    const char* title;  ///< "Rockchip RK3399"
    const char* compatible;
    std::vector<Peripheral> peripherals;
};

/// Every board that can be modelled.
[[nodiscard]] std::span<const Description> boards();
/// @return nullptr when there is none of that name
[[nodiscard]] const Description* find_board(std::string_view name);

/// Where the reset controller's registers are on every board.
inline constexpr std::uint32_t kResetAddress = 0x10000000, kResetLength = 4;

}  // namespace relfence::board
