// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <set>
#include <sys/stat.h>

#include <relfence/trace/live.hpp>

namespace relfence::trace {
namespace fs = std::filesystem;
namespace {

std::string command_of(const fs::path& process) {
    std::ifstream file{process / "comm"};
    std::string line;
    std::getline(file, line);
    return line;
}

}  // namespace

void find_holders(const std::function<void(const Event&)>& feed) {
    std::error_code error;
    for (fs::directory_iterator process{"/proc", error}, end; !error && process != end;
         process.increment(error)) {
        const std::string pid = process->path().filename();
        if (!std::ranges::all_of(pid, [](unsigned char c) { return std::isdigit(c) != 0; }))
            continue;
        std::set<std::uint64_t> seen;
        // A process may end, or be somebody else's: both show as an error here.
        std::error_code gone;
        for (fs::directory_iterator open{process->path() / "fd", gone}, last; !gone && open != last;
             open.increment(gone)) {
            std::error_code closed;
            if (!fs::read_symlink(open->path(), closed).string().starts_with("/dmabuf:")) continue;
            struct stat status {};
            if (::stat(open->path().c_str(), &status) != 0 || !seen.insert(status.st_ino).second)
                continue;
            Event event;
            event.kind = Kind::holder;
            event.pid = std::stoi(pid);
            event.ino = status.st_ino;
            event.text = command_of(process->path());
            feed(event);
        }
    }
}

}  // namespace relfence::trace
