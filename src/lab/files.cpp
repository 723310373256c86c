// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <unistd.h>

#include <fmt/format.h>

#include <relfence/base/unique_fd.hpp>
#include <relfence/lab/files.hpp>
#include <relfence/lab/process.hpp>

namespace relfence::lab {
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

Result<void> make_directories(const fs::path& path) {
    std::error_code error;
    fs::create_directories(path, error);
    if (error) return fail_errno("create directory", path.string(), error.value());
    return {};
}

Result<void> move_path(const fs::path& from, const fs::path& to) {
    if (::rename(from.c_str(), to.c_str()) < 0) return fail_errno("rename to", to.string());
    return {};
}

Result<std::string> hash_text(const std::string& text) {
    CommandOptions options;
    options.input = text;
    auto result = run_command({"sha256sum"}, options);
    if (!result) return tl::make_unexpected(result.error());
    if (!result->ok()) return fail(describe_status(result->status), "sha256sum");
    return result->output.substr(0, 64);
}

Result<std::vector<std::string>> hash_files(const std::vector<fs::path>& files) {
    if (files.empty()) return std::vector<std::string>{};
    std::vector<std::string> command{"sha256sum", "--zero", "--"};
    for (const auto& file : files) command.push_back(file.string());
    auto result = run_command(command);
    if (!result) return tl::make_unexpected(result.error());
    if (!result->ok()) return fail(result->error.substr(0, result->error.find('\n')), "sha256sum");
    std::vector<std::string> hashes;
    std::istringstream lines{result->output};
    for (std::string line; std::getline(lines, line, '\0');) hashes.push_back(line.substr(0, 64));
    return hashes;
}

}  // namespace relfence::lab
