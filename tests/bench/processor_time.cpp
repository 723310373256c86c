// SPDX-License-Identifier: MIT
#include "processor_time.hpp"

#include <ctime>
#include <string>
#include <string_view>
#include <unistd.h>

#include <relfence/base/files.hpp>

namespace relfence {
namespace {

std::chrono::nanoseconds read_clock(clockid_t clock) {
    timespec time{};
    ::clock_gettime(clock, &time);
    return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
}

/// kernel/time/timer_list.c, print_cpu(): ".idle_sleeptime : 1234 nsecs".
Result<std::chrono::nanoseconds> read_idle() {
    constexpr const char* file = "/proc/timer_list";
    constexpr std::string_view key = ".idle_sleeptime";
    const auto text = read_file(file);
    if (!text) return tl::make_unexpected(text.error());
    const std::size_t at = text->find(key);
    if (at == std::string::npos)
        return fail("does not tell idle time", file, "the kernel needs CONFIG_NO_HZ_IDLE");
    return std::chrono::nanoseconds{std::stoll(text->substr(text->find(':', at) + 1))};
}

}  // namespace

Result<ProcessorTime> ProcessorTime::begin() {
    ProcessorTime now;
    const auto idle = read_idle();
    if (!idle) return tl::make_unexpected(idle.error());
    now.idle_ = *idle;
    clockid_t parent{};
    if (const int error = ::clock_getcpuclockid(::getppid(), &parent); error != 0)
        return fail_errno("clock_getcpuclockid", "parent", error);
    now.parent_ = read_clock(parent);
    now.own_ = read_clock(CLOCK_PROCESS_CPUTIME_ID);
    now.passed_ = read_clock(CLOCK_MONOTONIC);
    return now;
}

Result<ProcessorTime::Shares> ProcessorTime::so_far() const {
    const auto now = begin();
    if (!now) return tl::make_unexpected(now.error());
    const auto passed = static_cast<double>((now->passed_ - passed_).count());
    return Shares{1.0 - static_cast<double>((now->idle_ - idle_).count()) / passed,
                  static_cast<double>((now->own_ - own_).count()) / passed,
                  static_cast<double>((now->parent_ - parent_).count()) / passed};
}

}  // namespace relfence
