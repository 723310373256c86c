// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <relfence/base/error.hpp>

namespace relfence::kms {

/// A mode-setting object with the ids of its properties by name.
struct Object {
    std::uint32_t id = 0;
    std::map<std::string, std::uint32_t> properties;
};

/// The objects of one display. writeback.id is 0 when the device has no such connector.
struct Pipe {
    Object crtc;
    Object plane;
    Object connector;
    Object writeback;
};

/// Finds the first CRTC, its primary plane, and the connectors that can be routed to it.
/// @param fd an atomic client that also asked for writeback connectors
[[nodiscard]] Result<Pipe> find_pipe(int fd, const std::string& path);

}  // namespace relfence::kms
