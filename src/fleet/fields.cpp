// SPDX-License-Identifier: MIT
#include "fleet/fields.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace relfence::fleet {
namespace {

bool is_word_character(char c, std::string_view more) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           more.find(c) != std::string_view::npos;
}

bool is_plain_path(std::string_view path) {
    std::size_t start = 0;
    while (start <= path.size()) {
        const std::size_t end = std::min(path.find('/', start), path.size());
        const std::string_view part = path.substr(start, end - start);
        if (part.empty() || part == "." || part == "..") return false;
        if (!std::all_of(part.begin(), part.end(),
                         [](char c) { return is_word_character(c, "-_.+"); }))
            return false;
        start = end + 1;
    }
    return true;
}

}  // namespace

void Fields::complain(int line, std::string_view what) {
    if (!error_) error_ = fail(what, fmt::format("{}:{}", file_, line)).value();
}

void Fields::only(const Yaml& map, std::string_view where,
                  const std::vector<std::string_view>& known) {
    for (const auto& entry : map.entries)
        if (std::find(known.begin(), known.end(), entry.key) == known.end())
            complain(entry.line, fmt::format("{}{}: unknown; there are {}",
                                             where.empty() ? "" : fmt::format("{}.", where),
                                             entry.key, fmt::join(known, ", ")));
}

const Yaml* Fields::find(const Yaml& parent, std::string_view key, std::string_view expected) {
    if (error_) return nullptr;
    const Yaml* value = parent.find(key);
    if (value == nullptr)
        complain(parent.line, fmt::format("{}: missing; expected {}", key, expected));
    return value;
}

const Yaml& Fields::map(const Yaml& parent, std::string_view key) {
    const Yaml* value = find(parent, key, "a map");
    if (value == nullptr) return empty_;
    if (value->kind == Yaml::Kind::map) return *value;
    complain(value->line, fmt::format("{}: expected a map", key));
    return empty_;
}

const Yaml& Fields::list(const Yaml& parent, std::string_view key) {
    const Yaml* value = find(parent, key, "a list");
    if (value == nullptr) return empty_;
    if (value->kind == Yaml::Kind::list && !value->items.empty()) return *value;
    complain(value->line, fmt::format("{}: expected a list that is not empty", key));
    return empty_;
}

std::string Fields::text(const Yaml& parent, std::string_view key) {
    const Yaml* value = find(parent, key, "a text");
    if (value == nullptr) return {};
    if (value->kind == Yaml::Kind::text && !value->text.empty() &&
        value->text.find('\n') == std::string::npos)
        return value->text;
    complain(value->line, fmt::format("{}: expected a text of one line", key));
    return {};
}

std::string Fields::word(const Yaml& parent, std::string_view key, std::string_view more) {
    std::string value = text(parent, key);
    if (std::all_of(value.begin(), value.end(), [&](char c) { return is_word_character(c, more); }))
        return value;
    complain(parent.find(key)->line,
             fmt::format("{}: '{}' has more than letters, digits and '{}'", key, value, more));
    return {};
}

std::string Fields::choice(const Yaml& parent, std::string_view key,
                           const std::vector<std::string_view>& words) {
    const std::string expected = fmt::format("{}", fmt::join(words, " or "));
    const Yaml* value = find(parent, key, expected);
    if (value == nullptr) return {};
    if (value->kind == Yaml::Kind::text &&
        std::find(words.begin(), words.end(), value->text) != words.end())
        return value->text;
    complain(value->line, fmt::format("{}: expected {}", key, expected));
    return {};
}

bool Fields::flag(const Yaml& parent, std::string_view key) {
    return choice(parent, key, {"true", "false"}) == "true";
}

std::string Fields::path_of(const Yaml& value, std::string_view what) {
    if (value.kind == Yaml::Kind::text && is_plain_path(value.text)) return value.text;
    complain(value.line,
             fmt::format("{}: expected a relative path without '.', '..' and spaces", what));
    return {};
}

std::string Fields::path(const Yaml& parent, std::string_view key) {
    const Yaml* value = find(parent, key, "a path");
    return value == nullptr ? std::string{} : path_of(*value, key);
}

std::vector<std::string> Fields::texts(const Yaml& parent, std::string_view key) {
    std::vector<std::string> values;
    for (const auto& item : list(parent, key).items) {
        if (item.kind != Yaml::Kind::text || item.text.empty())
            complain(item.line, fmt::format("{}: expected a list of texts", key));
        values.push_back(item.text);
    }
    return ok() ? values : std::vector<std::string>{};
}

}  // namespace relfence::fleet
