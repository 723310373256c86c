// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <unistd.h>

#include <relfence/base/unique_fd.hpp>

namespace relfence {

void UniqueFd::reset(int fd) {
    const int old = std::exchange(fd_, fd);
    if (old >= 0) ::close(old);
}

Result<UniqueFd> UniqueFd::duplicate() const {
    const int fd = ::fcntl(fd_, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) return fail_errno("duplicate", "file descriptor");
    return UniqueFd{fd};
}

Result<UniqueFd> open_fd(const std::string& path, int flags, unsigned mode) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    if (fd < 0) return fail_errno("open", path);
    return UniqueFd{fd};
}

}  // namespace relfence
