// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <unistd.h>

#include <fmt/format.h>

#include <relfence/base/files.hpp>
#include <relfence/base/unique_fd.hpp>

namespace relfence {
namespace fs = std::filesystem;

Result<std::string> read_file(const fs::path& path) {
    std::error_code error;
    if (fs::is_directory(path, error)) return fail_errno("read", path.string(), EISDIR);
    std::ifstream file{path, std::ios::binary};
    std::stringstream bytes;
    bytes << file.rdbuf();
    if (!file) return fail_errno("read", path.string(), errno != 0 ? errno : EIO);
    return std::move(bytes).str();
}

Result<void> write_file(const fs::path& path, std::string_view bytes) {
    const std::string name = fmt::format("{}.{}.new", path.string(), ::getpid());
    auto file = open_fd(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (!file) return tl::make_unexpected(file.error());
    int code = 0;
    while (!bytes.empty() && code == 0) {
        const ssize_t written = ::write(file->get(), bytes.data(), bytes.size());
        if (written >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno != EINTR) {
            code = errno;
        }
    }
    if (code == 0 && ::fsync(file->get()) < 0) code = errno;
    if (code == 0 && ::rename(name.c_str(), path.c_str()) < 0) code = errno;
    if (code == 0) return {};
    ::unlink(name.c_str());
    return fail_errno("write", path.string(), code);
}

}  // namespace relfence
