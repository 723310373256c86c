// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <linux/videodev2.h>

#include <relfence/trace/event.hpp>

namespace relfence::trace {
namespace {

constexpr std::array<std::string_view, kinds> kind_names{
    "vb2_qbuf",         "vb2_buf_queue",    "vb2_buf_done",
    "vb2_dqbuf",        "v4l2_qbuf",        "v4l2_dqbuf",
    "fence_init",       "fence_signaled",   "fence_wait_start",
    "fence_wait_end",   "fence_destroy",    "call_queue",
    "call_export",      "call_poll",        "call_poll_end",
    "call_cpu_start",   "call_cpu_started", "call_cpu_end",
    "call_export_sync", "call_sync_poll",   "call_sync_poll_end",
    "call_import_sync", "call_commit",      "call_commit_end",
    "device",           "holder",           "lost",
    "trouble"};

}  // namespace

std::string_view name(Kind kind) {
    return kind_names.at(static_cast<std::size_t>(kind));
}

std::optional<Kind> kind_of(std::string_view name) {
    const auto* const found = std::ranges::find(kind_names, name);
    if (found == kind_names.end()) return std::nullopt;
    return static_cast<Kind>(found - kind_names.begin());
}

bool is_capture(std::uint32_t type) {
    return !V4L2_TYPE_IS_OUTPUT(type);
}

}  // namespace relfence::trace
