// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <fmt/format.h>

namespace relfence::bench {

using SoakEnd = std::chrono::steady_clock::time_point;

/// What a client of a soak saw.
struct SoakCount {
    std::string client;
    std::uint64_t jobs = 0;
    std::uint64_t wrong = 0;   ///< frames that are not what they have to be
    std::uint64_t errors = 0;  ///< jobs that came back with V4L2_BUF_FLAG_ERROR
    std::uint64_t lost = 0;    ///< jobs that did not come back
};

[[nodiscard]] inline std::string json_of(const SoakCount& count) {
    return fmt::format(R"({{"client": "{}", "jobs": {}, "wrong": {}, "errors": {}, "lost": {}}})",
                       count.client, count.jobs, count.wrong, count.errors, count.lost);
}

}  // namespace relfence::bench
