// SPDX-License-Identifier: MIT
#include "trace/live/screen.hpp"

#include <cstdlib>
#include <poll.h>
#include <string_view>
#include <sys/ioctl.h>
#include <unistd.h>

namespace relfence::trace {
namespace {

void put(std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
        if (written <= 0) return;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

winsize size_of_terminal() {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) size = {24, 80, 0, 0};
    return size;
}

}  // namespace

Screen::Screen() {
    ::tcgetattr(STDIN_FILENO, &before_);
    termios raw = before_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    put("\033[?1049h\033[?25l");
}

Screen::~Screen() {
    put("\033[?25h\033[?1049l");
    ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

bool Screen::possible() {
    const char* const terminal = std::getenv("TERM");
    return ::isatty(STDOUT_FILENO) == 1 && ::isatty(STDIN_FILENO) == 1 && terminal != nullptr &&
           std::string_view{terminal} != "dumb";
}

std::size_t Screen::columns() const {
    return size_of_terminal().ws_col;
}

std::size_t Screen::rows() const {
    return size_of_terminal().ws_row;
}

void Screen::show(const std::vector<std::string>& lines) {
    std::string frame = "\033[H";
    for (std::size_t i = 0; i < lines.size(); ++i) {
        frame += lines[i] + "\033[K";
        if (i + 1 < lines.size()) frame += "\r\n";
    }
    put(frame + "\033[J");
}

char Screen::key() {
    pollfd waiting{STDIN_FILENO, POLLIN, 0};
    char pressed = 0;
    if (::poll(&waiting, 1, 0) != 1 || ::read(STDIN_FILENO, &pressed, 1) != 1) return 0;
    return pressed;
}

}  // namespace relfence::trace
