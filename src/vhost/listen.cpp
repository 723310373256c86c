// SPDX-License-Identifier: MIT
#include "vhost/listen.hpp"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace relfence::vhost {
namespace {

Result<UniqueFd> make_socket(const std::string& path) {
    UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd.valid()) return fail_errno("socket", path);
    return fd;
}

Result<sockaddr_un> address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        return fail_errno("listen on", path, ENAMETOOLONG);
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return address;
}

/// A socket whose owner died stays in the file system; only a refused connection tells.
bool is_abandoned(const std::string& path, const sockaddr_un& address) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
    const auto probe = make_socket(path);
    if (!probe) return false;
    const auto* const where = reinterpret_cast<const sockaddr*>(&address);
    return ::connect(probe->get(), where, sizeof address) != 0 && errno == ECONNREFUSED;
}

}  // namespace

Result<UniqueFd> listen_on(const std::string& path) {
    const auto address = address_of(path);
    if (!address) return tl::make_unexpected(address.error());
    const auto* const where = reinterpret_cast<const sockaddr*>(&*address);
    auto fd = make_socket(path);
    if (!fd) return tl::make_unexpected(fd.error());
    const auto bind = [&] { return ::bind(fd->get(), where, sizeof *address) == 0 ? 0 : errno; };
    int code = bind();
    if (code == EADDRINUSE && is_abandoned(path, *address)) {
        ::unlink(path.c_str());
        code = bind();
    }
    if (code != 0) return fail_errno("listen on", path, code);
    // A board's guest is one; another one that comes meanwhile waits for its turn.
    constexpr int backlog = 4;
    if (::listen(fd->get(), backlog) != 0) return fail_errno("listen on", path);
    return fd;
}

}  // namespace relfence::vhost
