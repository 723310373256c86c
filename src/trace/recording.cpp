// SPDX-License-Identifier: MIT
#include <charconv>
#include <iterator>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <relfence/trace/recording.hpp>

namespace relfence::trace {
namespace {

using Json = nlohmann::json;

constexpr int recording_version = 1;

/// Calls @p visit(key, member) for each field but the kind: the one list of what a line has.
template <typename Visit>
void each_field(const Visit& visit) {
    visit("t", &Event::time);
    visit("cpu", &Event::cpu);
    visit("pid", &Event::pid);
    visit("tgid", &Event::tgid);
    visit("owner", &Event::owner);
    visit("fd", &Event::fd);
    visit("minor", &Event::minor);
    visit("type", &Event::type);
    visit("index", &Event::index);
    visit("context", &Event::context);
    visit("seqno", &Event::seqno);
    visit("ino", &Event::ino);
    visit("value", &Event::value);
    visit("driver", &Event::driver);
    visit("timeline", &Event::timeline);
    visit("text", &Event::text);
}

/// Whether a JSON value is one of the field's type, and in its range.
template <typename Field>
bool take(const Json& value, Field& field) {
    if constexpr (std::is_same_v<Field, std::string>) {
        if (!value.is_string()) return false;
        field = value.template get<std::string>();
        return true;
    } else {
        if (!value.is_number_integer()) return false;
        if (value.is_number_unsigned()) {
            const auto number = value.template get<std::uint64_t>();
            field = static_cast<Field>(number);
            return std::cmp_equal(field, number);
        }
        const auto number = value.template get<std::int64_t>();
        field = static_cast<Field>(number);
        return std::cmp_equal(field, number);
    }
}

bool take_number(std::string_view text, auto& field) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), field);
    return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

std::string recording_header() {
    return Json{{"relfence-trace", recording_version}}.dump();
}

std::string to_line(const Event& event) {
    static const Event plain;
    std::string line = fmt::format("{{\"k\":\"{}\"", name(event.kind));
    // Once for each event while it is traced: without a tree of JSON values.
    each_field([&](const char* key, const auto member) {
        const auto& field = event.*member;
        if (field == plain.*member) return;
        fmt::format_to(std::back_inserter(line), ",\"{}\":", key);
        if constexpr (std::is_same_v<std::decay_t<decltype(field)>, std::string>)
            // Names of processes need not be UTF-8.
            line += Json(field).dump(-1, ' ', false, Json::error_handler_t::replace);
        else
            fmt::format_to(std::back_inserter(line), "{}", field);
    });
    line += '}';
    return line;
}

Result<Event> from_line(std::string_view line) {
    const Json json = Json::parse(line, nullptr, false);
    if (!json.is_object()) return fail("is not an event", "line");
    Event event;
    const auto kind = json.find("k");
    const auto known =
        kind != json.end() && kind->is_string() ? kind_of(kind->get<std::string>()) : std::nullopt;
    if (!known) return fail("names no kind of event", "line");
    event.kind = *known;
    std::string wrong;
    each_field([&](const char* key, const auto member) {
        const auto value = json.find(key);
        if (value != json.end() && !take(*value, event.*member)) wrong = key;
    });
    if (!wrong.empty()) return fail(fmt::format("has a wrong value of {}", wrong), "line");
    return event;
}

Result<void> read_recording(std::string_view text, std::string_view name,
                            const std::function<void(const Event&)>& feed) {
    constexpr auto advice = "relfence trace --record makes one";
    std::size_t number = 0;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        ++number;
        if (number == 1) {
            const Json header = Json::parse(line, nullptr, false);
            if (!header.is_object() || !header.contains("relfence-trace"))
                return fail("is no recording", name, advice);
            if (header["relfence-trace"] != recording_version)
                return fail("is a recording of another version", name, advice);
            continue;
        }
        if (line.empty()) continue;
        auto event = from_line(line);
        if (!event && end == std::string_view::npos) {
            Event cut;
            cut.kind = Kind::trouble;
            cut.text = fmt::format("the recording was cut off in line {}", number);
            feed(cut);
            return {};
        }
        if (!event) return fail(event.error().operation, fmt::format("{}: line {}", name, number));
        feed(*event);
    }
    if (number == 0) return fail("is no recording: it is empty", name, advice);
    return {};
}

std::optional<Event> parse_marker(std::string_view line) {
    constexpr std::string_view prefix = "relfence:";
    if (!line.starts_with(prefix)) return std::nullopt;
    line.remove_prefix(prefix.size());
    while (!line.empty() && (line.back() == '\n' || line.back() == '\0')) line.remove_suffix(1);
    Event event;
    bool first = true;
    bool good = true;
    while (!line.empty() && good) {
        const std::size_t end = line.find('\t');
        const std::string_view word = line.substr(0, end);
        line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
        if (first) {
            const auto kind = kind_of(word);
            // What a program says of itself is calls, and nothing that only the kernel knows.
            if (!kind || *kind < Kind::call_queue || *kind > Kind::call_commit_end)
                return std::nullopt;
            event.kind = *kind;
            first = false;
            continue;
        }
        const std::size_t equals = word.find('=');
        if (equals == std::string_view::npos) return std::nullopt;
        const std::string_view key = word.substr(0, equals);
        const std::string_view value = word.substr(equals + 1);
        if (key == "tgid") good = take_number(value, event.tgid);
        if (key == "fd") good = take_number(value, event.fd);
        if (key == "minor") good = take_number(value, event.minor);
        if (key == "type") good = take_number(value, event.type);
        if (key == "index") good = take_number(value, event.index);
        if (key == "ino") good = take_number(value, event.ino);
        if (key == "value") good = take_number(value, event.value);
        if (key == "driver") event.driver = value;
        if (key == "timeline") event.timeline = value;
    }
    if (first || !good) return std::nullopt;
    return event;
}

}  // namespace relfence::trace
