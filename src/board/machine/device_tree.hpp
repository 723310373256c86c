// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <relfence/base/error.hpp>
#include <relfence/board/description.hpp>

namespace relfence::board {

/// The board's flattened device tree for a User Mode Linux kernel's dtb=.
/// @param bus_socket, gpio_socket where the two virtio devices are served
/// @return an error when libfdt refuses something, e.g. a socket path that is too long
[[nodiscard]] Result<std::vector<std::byte>> make_device_tree(const Description& board,
                                                              const std::string& bus_socket,
                                                              const std::string& gpio_socket);

}  // namespace relfence::board
