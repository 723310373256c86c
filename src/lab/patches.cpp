// SPDX-License-Identifier: MIT
#include <algorithm>
#include <charconv>
#include <sstream>

#include <fmt/format.h>

#include <relfence/lab/files.hpp>
#include <relfence/lab/patches.hpp>
#include <relfence/lab/process.hpp>

namespace relfence::lab {
namespace fs = std::filesystem;
namespace {

Result<CommandResult> git_apply(const fs::path& tree, const fs::path& patch,
                                const std::vector<std::string>& flags) {
    std::vector<std::string> command{"git", "apply", "--whitespace=nowarn"};
    command.insert(command.end(), flags.begin(), flags.end());
    command.push_back(fs::absolute(patch).string());
    CommandOptions options;
    options.spawn.directory = tree.string();
    // In a directory inside some repository git apply skips, without a word, every file that it
    // takes to be outside of its own directory. It must not see that repository.
    options.spawn.extra = {{"GIT_CEILING_DIRECTORIES", fs::absolute(tree).parent_path().string()},
                           {"LC_ALL", "C"}};
    return run_command(command, options);
}

std::string_view next_line(std::string_view& text) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

/// Which hunk of @p file in @p patch starts at @p line of the old file; 0 if none does.
int hunk_number(std::string_view patch, std::string_view file, int line) {
    bool in_file = false;
    int hunk = 0;
    while (!patch.empty()) {
        const std::string_view text = next_line(patch);
        if (text.starts_with("--- ")) {
            in_file = text.substr(4).substr(std::min<std::size_t>(text.size() - 4, 2)) == file;
            hunk = 0;
        } else if (in_file && text.starts_with("@@ -")) {
            ++hunk;
            int start = 0;
            std::from_chars(text.data() + 4, text.data() + text.size(), start);
            if (start == line) return hunk;
        }
    }
    return 0;
}

}  // namespace

Result<std::vector<fs::path>> list_patches(const std::vector<fs::path>& items) {
    std::vector<fs::path> patches;
    for (const auto& item : items) {
        std::error_code error;
        if (fs::is_regular_file(item, error)) {
            patches.push_back(item);
            continue;
        }
        if (!fs::is_directory(item, error)) return fail_errno("open", item.string(), ENOENT);
        std::vector<fs::path> found;
        for (const auto& entry : fs::directory_iterator{item, error}) {
            const fs::path& path = entry.path();
            if (path.extension() == ".patch" && !path.filename().string().starts_with("0000-"))
                found.push_back(path);
        }
        if (error) return fail_errno("list", item.string(), error.value());
        std::sort(found.begin(), found.end());
        patches.insert(patches.end(), found.begin(), found.end());
    }
    return patches;
}

std::string explain_patch_failure(std::string_view said, std::string_view patch) {
    std::string first;
    while (!said.empty()) {
        std::string_view line = next_line(said);
        if (line.starts_with("error: ")) line.remove_prefix(7);
        if (first.empty()) first = line;
        constexpr std::string_view failed = "patch failed: ";
        const auto colon = line.rfind(':');
        if (!line.starts_with(failed) || colon == std::string_view::npos) continue;
        const std::string_view file = line.substr(failed.size(), colon - failed.size());
        int number = 0;
        std::from_chars(line.data() + colon + 1, line.data() + line.size(), number);
        if (const int hunk = hunk_number(patch, file, number); hunk > 0)
            return fmt::format("does not apply: {}, hunk {} at line {}", file, hunk, number);
        return fmt::format("does not apply: {} at line {}", file, number);
    }
    return fmt::format("does not apply: {}", first.empty() ? "git apply gave no reason" : first);
}

Result<std::set<std::string>> apply_patch(const fs::path& tree, const fs::path& patch) {
    auto text = read_file(patch);
    if (!text) return tl::make_unexpected(text.error());
    auto counted = git_apply(tree, patch, {"--numstat"});
    if (!counted) return tl::make_unexpected(counted.error());
    auto applied = counted->ok() ? git_apply(tree, patch, {}) : counted;
    if (!applied) return tl::make_unexpected(applied.error());
    if (!applied->ok()) return fail(explain_patch_failure(applied->error, *text), patch.string());

    std::set<std::string> touched;
    std::istringstream lines{counted->output};
    for (std::string line; std::getline(lines, line);)
        if (const auto tab = line.rfind('\t'); tab != std::string::npos)
            touched.insert(line.substr(tab + 1));
    return touched;
}

}  // namespace relfence::lab
