// SPDX-License-Identifier: MIT
#include "board/machine/guest_processor.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fcntl.h>
#include <string_view>
#include <unistd.h>

#include <fmt/format.h>

namespace relfence::board {
namespace {

/// Of /proc/PID/stat, counted from the one after the program's name, see proc(5).
constexpr int processor_field = 39 - 3;

}  // namespace

GuestProcessor::GuestProcessor(pid_t guest)
    : stat_{::open(fmt::format("/proc/{}/stat", guest).c_str(), O_RDONLY | O_CLOEXEC)},
      thread_{::gettid()} {
    if (::sched_getaffinity(thread_, sizeof allowed_, &allowed_) != 0) CPU_ZERO(&allowed_);
}

GuestProcessor::~GuestProcessor() {
    if (CPU_COUNT(&allowed_) > 0) ::sched_setaffinity(thread_, sizeof allowed_, &allowed_);
}

int GuestProcessor::processor_of_guest() const {
    std::array<char, 1024> text;
    const ssize_t size = ::pread(stat_.get(), text.data(), text.size() - 1, 0);
    if (size <= 0) return -1;
    std::string_view rest{text.data(), static_cast<std::size_t>(size)};
    // The name is anything, in parentheses.
    const auto name_end = rest.rfind(')');
    if (name_end == std::string_view::npos) return -1;
    rest.remove_prefix(std::min(name_end + 2, rest.size()));
    for (int field = 0; field < processor_field; ++field) {
        const auto end = rest.find(' ');
        if (end == std::string_view::npos) return -1;
        rest.remove_prefix(end + 1);
    }
    text[static_cast<std::size_t>(size)] = '\0';
    return std::atoi(rest.data());
}

bool GuestProcessor::leave() const {
    const int guest = processor_of_guest();
    if (guest < 0) return false;
    if (guest != ::sched_getcpu()) return true;
    cpu_set_t others = allowed_;
    CPU_CLR(static_cast<std::size_t>(guest), &others);
    return CPU_COUNT(&others) > 0 && ::sched_setaffinity(thread_, sizeof others, &others) == 0;
}

}  // namespace relfence::board
