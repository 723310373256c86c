// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <relfence/base/error.hpp>

namespace relfence::stateless {

/// A coded clip out of an IVF file, the container of the VP8 test vectors: a file header of 32
/// bytes, then frames with a size and a timestamp each, all little endian.
struct Ivf {
    std::string codec;  ///< four characters: "VP80"
    unsigned width = 0;
    unsigned height = 0;
    std::vector<std::vector<std::uint8_t>> frames;
};

/// @param name for errors. Fails with EBADMSG when it is no IVF file or ends too early.
[[nodiscard]] Result<Ivf> parse_ivf(std::span<const std::uint8_t> bytes, std::string_view name);
/// Reads a file. Fails as open(2), read(2) and parse_ivf() do.
[[nodiscard]] Result<Ivf> read_ivf(const std::string& path);

}  // namespace relfence::stateless
