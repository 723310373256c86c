// SPDX-License-Identifier: MIT
#include <charconv>

#include <relfence/lab/guest_job.hpp>

namespace relfence::lab {
namespace {

void append_record(std::string& bytes, std::string_view key, std::string_view value) {
    bytes.append(key).append("=").append(value).push_back('\0');
}

bool parse_number(std::string_view text, std::uint32_t& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && end == text.data() + text.size();
}

bool apply_record(GuestJob& job, std::string_view key, std::string_view value) {
    if (key == "argument") {
        job.arguments.emplace_back(value);
    } else if (key == "environment") {
        job.environment.emplace_back(value);
    } else if (key == "directory") {
        job.directory = value;
    } else if (key == "readable" || key == "writable") {
        job.mounts.push_back({std::string{value}, key == "writable"});
    } else if (key == "terminal") {
        job.terminal = value == "1";
    } else if (key == "rows") {
        return parse_number(value, job.rows);
    } else if (key == "columns") {
        return parse_number(value, job.columns);
    } else {
        return false;
    }
    return true;
}

}  // namespace

std::string share_tag(std::string_view target, const GuestJob& job) {
    std::size_t number = 0;
    for (const auto& mount : job.mounts) {
        ++number;
        if (mount.writable && mount.path == target)
            return "relfence-share-" + std::to_string(number);
    }
    return "relfence-tmp";
}

std::string encode_job(const GuestJob& job) {
    std::string bytes;
    for (const auto& argument : job.arguments) append_record(bytes, "argument", argument);
    for (const auto& variable : job.environment) append_record(bytes, "environment", variable);
    append_record(bytes, "directory", job.directory);
    for (const auto& mount : job.mounts)
        append_record(bytes, mount.writable ? "writable" : "readable", mount.path);
    append_record(bytes, "terminal", job.terminal ? "1" : "0");
    append_record(bytes, "rows", std::to_string(job.rows));
    append_record(bytes, "columns", std::to_string(job.columns));
    return bytes;
}

std::optional<GuestJob> decode_job(std::string_view bytes) {
    GuestJob job;
    while (!bytes.empty()) {
        const auto end = bytes.find('\0');
        if (end == std::string_view::npos) return std::nullopt;
        const std::string_view record = bytes.substr(0, end);
        const auto equals = record.find('=');
        if (equals == std::string_view::npos ||
            !apply_record(job, record.substr(0, equals), record.substr(equals + 1)))
            return std::nullopt;
        bytes.remove_prefix(end + 1);
    }
    if (job.arguments.empty()) return std::nullopt;
    return job;
}

}  // namespace relfence::lab
