// SPDX-License-Identifier: MIT
#include <cstdio>
#include <sstream>

#include <relfence/lab/files.hpp>
#include <relfence/lab/process.hpp>

namespace relfence::lab {
namespace fs = std::filesystem;

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
