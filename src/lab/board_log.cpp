// SPDX-License-Identifier: MIT
#include <cstdlib>

#include <fmt/format.h>

#include <relfence/lab/board_log.hpp>

namespace relfence::lab {

std::vector<DriverBug> parse_driver_bugs(std::string_view log) {
    // "    0.120123 rga: driver bug: rows of ...", see TextLog of the board.
    constexpr std::string_view mark = ": driver bug: ";
    std::vector<DriverBug> bugs;
    for (auto end = log.find('\n'); end != log.npos; end = log.find('\n')) {
        const std::string line{log.substr(0, end)};
        log.remove_prefix(end + 1);
        const auto at = line.find(mark);
        char* rest = nullptr;
        const double seconds = std::strtod(line.c_str(), &rest);
        const auto engine = static_cast<std::size_t>(rest - line.c_str()) + 1;
        if (at == line.npos || rest == line.c_str() || *rest != ' ' || engine >= at) continue;
        // The name of the engine has no colon: else the words are those of an event.
        const std::string name = line.substr(engine, at - engine);
        if (name.find(':') != name.npos) continue;
        bugs.push_back({std::chrono::microseconds{static_cast<long long>(seconds * 1e6 + 0.5)},
                        name + ": " + line.substr(at + mark.size())});
    }
    return bugs;
}

std::string describe(const std::vector<std::string>& bugs) {
    if (bugs.size() < 2) return "driver bug: " + (bugs.empty() ? "" : bugs.front());
    return fmt::format("driver bug: {} (and {} more)", bugs.front(), bugs.size() - 1);
}

}  // namespace relfence::lab
