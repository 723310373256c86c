// SPDX-License-Identifier: MIT
#include <algorithm>

#include <fmt/format.h>

#include <relfence/fleet/apply.hpp>
#include <relfence/lab/files.hpp>
#include <relfence/lab/patches.hpp>
#include <relfence/lab/process.hpp>

namespace relfence::fleet {
namespace fs = std::filesystem;
namespace {

bool leaves_tree(std::string_view name) {
    const fs::path path{name};
    return path.is_absolute() ||
           std::any_of(path.begin(), path.end(), [](const fs::path& part) { return part == ".."; });
}

Result<void> copy_files(const fs::path& source, const std::set<std::string>& files,
                        const fs::path& target) {
    if (auto made = lab::make_directories(target); !made) return made;
    std::error_code error;
    for (const auto& file : files) {
        // One that an earlier patch creates is in no pristine tree.
        if (!fs::exists(source / file, error)) continue;
        if (auto made = lab::make_directories((target / file).parent_path()); !made) return made;
        fs::copy_file(source / file, target / file, error);
        if (error) return fail_errno("copy", (source / file).string(), error.value());
    }
    return {};
}

}  // namespace

Result<std::set<std::string>> touched_files(std::string_view patches) {
    std::set<std::string> files;
    while (!patches.empty()) {
        const auto end = std::min(patches.find('\n'), patches.size());
        std::string_view line = patches.substr(0, end);
        patches.remove_prefix(std::min(end + 1, patches.size()));
        if (!line.starts_with("--- a/")) continue;
        line.remove_prefix(6);
        if (leaves_tree(line)) return fail("a patch names a file outside of the tree", line);
        files.emplace(line);
    }
    return files;
}

Result<Applied> check_applies(const Plan& plan, std::string_view cumulative, const fs::path& source,
                              const fs::path& scratch) {
    auto files = touched_files(cumulative);
    if (!files) return tl::make_unexpected(files.error());
    const fs::path one_by_one = scratch / "one-by-one";
    const fs::path at_once = scratch / "at-once";
    for (const auto& target : {one_by_one, at_once})
        if (auto copied = copy_files(source, *files, target); !copied)
            return tl::make_unexpected(copied.error());
    Applied applied;
    for (const auto& patch : plan.patches) {
        if (patch.file.empty()) continue;
        auto touched = lab::apply_patch(one_by_one, patch.file);
        if (!touched) return tl::make_unexpected(touched.error());
        ++applied.patches;
    }
    const fs::path all = scratch / "cumulative.patch";
    if (auto written = lab::write_file(all, cumulative); !written)
        return tl::make_unexpected(written.error());
    auto touched = lab::apply_patch(at_once, all);
    if (!touched) return fail(touched.error().operation, "the cumulative patch");
    applied.files = touched->size();
    auto compared = lab::run_command({"diff", "-rq", one_by_one.string(), at_once.string()});
    if (!compared) return tl::make_unexpected(compared.error());
    if (!compared->ok())
        return fail(fmt::format("gives other files than its patches one by one: {}",
                                compared->output.substr(0, compared->output.find('\n'))),
                    "the cumulative patch");
    return applied;
}

}  // namespace relfence::fleet
