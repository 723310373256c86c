// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <relfence/board/event_log.hpp>

namespace relfence::board {

Result<std::unique_ptr<TextLog>> TextLog::open(const std::string& path) {
    std::unique_ptr<TextLog> log{new TextLog};
    if (path == "-") {
        log->file_ = stderr;
    } else if (!path.empty()) {
        log->file_ = std::fopen(path.c_str(), "we");
        log->owned_ = true;
        if (log->file_ == nullptr) return fail_errno("open", path);
        // Whoever follows the file sees whole lines, and a killed board loses none.
        std::setvbuf(log->file_, nullptr, _IOLBF, BUFSIZ);
    }
    return log;
}

TextLog::~TextLog() {
    if (owned_ && file_ != nullptr) std::fclose(file_);
}

void TextLog::line(std::string_view device, std::string_view kind, std::string_view text) {
    if (file_ == nullptr) return;
    const double seconds = now_ ? std::chrono::duration<double>(now_()).count() : 0.0;
    const std::string out = fmt::format("{:12.6f} {}: {}{}\n", seconds, device, kind, text);
    std::fwrite(out.data(), 1, out.size(), file_);
}

void TextLog::event(std::string_view device, std::string_view text) {
    line(device, "", text);
}

void TextLog::driver_bug(std::string_view device, std::string_view text) {
    ++bugs_;
    line(device, "driver bug: ", text);
    if (told_) told_(fmt::format("{}: {}", device, text));
}

}  // namespace relfence::board
