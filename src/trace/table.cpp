// SPDX-License-Identifier: MIT
#include <algorithm>

#include <fmt/format.h>

#include <relfence/trace/writers.hpp>

namespace relfence::trace {
namespace {

constexpr Time second = 1'000'000'000;

/// Frames that were done in the last second.
std::size_t rate(const Queue& queue, Time now) {
    std::size_t count = 0;
    for (auto frame = queue.frames.rbegin(); frame != queue.frames.rend(); ++frame) {
        if (frame->done && *frame->done + second >= now) ++count;
        if (frame->queued + 2 * second < now) break;
    }
    return count;
}

/// How long the latest frames were with the driver, ms.
std::string latency(const Queue& queue) {
    std::vector<Time> times;
    for (auto frame = queue.frames.rbegin(); frame != queue.frames.rend() && times.size() < 60;
         ++frame)
        if (frame->given && frame->finished() && *frame->finished() >= *frame->given)
            times.push_back(*frame->finished() - *frame->given);
    if (times.empty()) return "-";
    const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
    std::nth_element(times.begin(), middle, times.end());
    return fmt::format("{:.1f}", static_cast<double>(*middle) / 1e6);
}

std::size_t with_client(const Queue& queue) {
    std::size_t count = 0;
    for (const auto& [index, buffer] : queue.buffers) {
        const Frame* const turn = queue.frame(buffer.number);
        count += turn != nullptr && turn->dequeued ? 1U : 0U;
    }
    return count;
}

std::string clip(std::string line, std::size_t columns) {
    // Names of devices are ASCII.
    if (line.size() > columns) line.resize(columns);
    return line;
}

}  // namespace

std::vector<std::string> table(const Model& model, std::size_t columns, std::size_t rows) {
    std::vector<std::string> lines;
    lines.push_back(fmt::format("{:<24} {:>7} {:>5} {:>5} {:>6} {:>6} {:>7} {:>6} {:>6}", "queue",
                                "frames", "fps", "pool", "driver", "client", "ms", "fences",
                                "early"));
    for (const Queue& queue : model.queues())
        lines.push_back(fmt::format(
            "{:<24} {:>7} {:>5} {:>5} {:>6} {:>6} {:>7} {:>6} {:>6}", queue.name(model.devices()),
            queue.count, rate(queue, model.last()), queue.buffers.size(), queue.in_driver(),
            with_client(queue), latency(queue), queue.fenced, queue.early));
    if (model.queues().empty()) lines.emplace_back("no buffer was queued yet");
    lines.push_back(fmt::format("{} events, {} fences, {} lost", model.events(),
                                model.fences_seen(), model.lost()));
    if (lines.size() > rows) {
        lines.resize(rows);
        if (rows > 0) lines.back() = "... (the terminal is too small)";
    }
    for (std::string& line : lines) line = clip(std::move(line), columns);
    return lines;
}

std::string to_text(const std::vector<Finding>& findings, bool colour) {
    std::string text;
    for (const Finding& finding : findings) {
        const std::string_view on = !colour ? "" : finding.wrong() ? "\033[31m" : "\033[2m";
        text += fmt::format("{}{}{}{}\n", on, finding.wrong() ? "wrong: " : "", finding.text,
                            colour ? "\033[0m" : "");
    }
    return text;
}

}  // namespace relfence::trace
