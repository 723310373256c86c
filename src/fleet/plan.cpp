// SPDX-License-Identifier: MIT
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <relfence/fleet/plan.hpp>
#include <relfence/lab/files.hpp>
#include <relfence/lab/patches.hpp>

namespace relfence::fleet {
namespace fs = std::filesystem;
namespace {

std::string number_of(const fs::path& patch) {
    return patch.filename().string().substr(0, 4);
}

tl::unexpected<Error> at(const Manifest& manifest, int line, std::string_view what,
                         std::string_view hint = {}) {
    return fail(what, fmt::format("{}:{}", manifest.file, line), hint);
}

/// The patches of kernel/DIRECTORY/VERSION.
Result<std::vector<fs::path>> patches_of(const fs::path& project, const Manifest& manifest,
                                         const Include& include, const std::string& directory) {
    const fs::path path = project / "kernel" / directory / manifest.version;
    std::error_code error;
    if (!fs::is_directory(path, error))
        return at(manifest, include.line,
                  fmt::format("{} is not there for {}: no kernel/{}/{}", include.scope,
                              manifest.ref, directory, manifest.version));
    auto patches = lab::list_patches({path});
    if (patches && patches->empty())
        return at(manifest, include.line,
                  fmt::format("kernel/{}/{} has no patches", directory, manifest.version));
    return patches;
}

/// The manifest names patches of a series: it has to name each, in order.
Result<void> check_unit(const Manifest& manifest, const Include& include,
                        const std::vector<fs::path>& series) {
    if (include.patches.empty()) return {};
    std::vector<std::string> all;
    for (const auto& patch : series) all.push_back(number_of(patch));
    const auto has = [](const std::vector<std::string>& list, const std::string& one) {
        return std::find(list.begin(), list.end(), one) != list.end();
    };
    std::vector<std::string> without;
    for (const auto& number : all)
        if (!has(include.patches, number)) without.push_back(number);
    const std::string hint = fmt::format("expected {}, or no 'patches'", fmt::join(all, ", "));
    for (const auto& number : include.patches)
        if (!has(all, number))
            return at(manifest, include.patches_line,
                      fmt::format("patches: {} has no {}", include.scope, number), hint);
    if (!without.empty())
        return at(manifest, include.patches_line,
                  fmt::format("patches: {} without {}; the series is one unit",
                              fmt::join(include.patches, ", "), fmt::join(without, ", ")),
                  hint);
    if (include.patches != all)
        return at(manifest, include.patches_line, "patches: not in the order of the series", hint);
    return {};
}

void add(Plan& plan, const Include& include, const fs::path& project, const fs::path& file,
         const std::string& prefix) {
    PlannedPatch patch;
    patch.scope = include.scope;
    patch.number = number_of(file);
    patch.name = prefix + file.filename().string();
    patch.file = file;
    patch.path = include.external ? file.filename().string()
                                  : file.lexically_relative(project).generic_string();
    patch.external = include.external;
    plan.patches.push_back(std::move(patch));
}

Result<void> add_unit(Plan& plan, const Include& include, const fs::path& project,
                      const std::vector<Unit>& units) {
    const auto unit = std::find_if(units.begin(), units.end(),
                                   [&](const Unit& one) { return one.scope == include.scope; });
    if (unit == units.end()) {
        std::vector<std::string> known;
        for (const auto& one : units) known.push_back(one.scope);
        return at(plan.manifest, include.line,
                  fmt::format("scope: {} is not in fleet/units.yaml", include.scope),
                  fmt::format("there is {}; patches that are not of this project are 'external'",
                              fmt::join(known, ", ")));
    }
    for (const auto& need : unit->needs)
        if (std::none_of(plan.patches.begin(), plan.patches.end(),
                         [&](const PlannedPatch& patch) { return patch.scope == need; }))
            return at(plan.manifest, include.line,
                      fmt::format("{} needs {} before it", include.scope, need));
    for (const auto& directory : unit->groundwork) {
        auto patches = patches_of(project, plan.manifest, include, directory);
        if (!patches) return tl::make_unexpected(patches.error());
        const std::string prefix = fs::path{directory}.filename().string() + "-";
        for (const auto& file : *patches) add(plan, include, project, file, prefix);
    }
    auto series = patches_of(project, plan.manifest, include, unit->series);
    if (!series) return tl::make_unexpected(series.error());
    if (auto whole = check_unit(plan.manifest, include, *series); !whole) return whole;
    for (const auto& file : *series) add(plan, include, project, file, {});
    return {};
}

/// The one file NUMBER-*.patch of a directory.
Result<fs::path> find_external(const fs::path& directory, const std::string& number) {
    auto patches = lab::list_patches({directory});
    if (!patches) return tl::make_unexpected(patches.error());
    std::vector<fs::path> found;
    for (const auto& patch : *patches)
        if (patch.filename().string().starts_with(number + "-")) found.push_back(patch);
    if (found.size() == 1) return found.front();
    return fail(fmt::format("{} files are called {}-*.patch; expected one", found.size(), number),
                directory.string());
}

Result<void> add_external(Plan& plan, const Include& include, const fs::path& directory) {
    for (const auto& number : include.patches) {
        if (directory.empty()) {
            PlannedPatch patch;
            patch.scope = include.scope;
            patch.number = number;
            patch.name = number + "-*.patch";
            patch.subject = fmt::format("external: {}", include.origin);
            patch.external = true;
            plan.patches.push_back(std::move(patch));
            continue;
        }
        auto file = find_external(directory, number);
        if (!file) return tl::make_unexpected(file.error());
        add(plan, include, {}, *file, {});
    }
    return {};
}

/// Two patches with one name would be one file of a package.
Result<void> check_names(const Plan& plan) {
    for (auto patch = plan.patches.begin(); patch != plan.patches.end(); ++patch)
        for (auto other = plan.patches.begin(); other != patch; ++other) {
            const bool same_number = patch->number == other->number &&
                                     !patch->name.starts_with("prereq-") &&
                                     !other->name.starts_with("prereq-");
            if (patch->name == other->name || same_number)
                return fail(fmt::format("{} of {} has the number of {} of {}", patch->name,
                                        patch->scope, other->name, other->scope),
                            plan.manifest.file);
        }
    return {};
}

}  // namespace

std::string patch_subject(std::string_view mail) {
    std::string subject;
    bool in_subject = false;
    while (!mail.empty()) {
        const auto end = std::min(mail.find('\n'), mail.size());
        std::string_view line = mail.substr(0, end);
        mail.remove_prefix(std::min(end + 1, mail.size()));
        if (line.empty()) break;
        if (line.starts_with("Subject: ")) {
            in_subject = true;
            subject = line.substr(9);
        } else if (in_subject && line.starts_with(' ')) {
            subject += line;
        } else {
            in_subject = false;
        }
    }
    if (subject.starts_with('['))
        if (const auto end = subject.find("] "); end != std::string::npos)
            subject.erase(0, end + 2);
    return subject;
}

Result<Plan> make_plan(const fs::path& project, const Manifest& manifest,
                       const std::vector<Unit>& units, const fs::path& external) {
    Plan plan{manifest, {}};
    for (const auto& include : manifest.includes) {
        auto added = include.external ? add_external(plan, include, external)
                                      : add_unit(plan, include, project, units);
        if (!added) return tl::make_unexpected(added.error());
    }
    if (auto checked = check_names(plan); !checked) return tl::make_unexpected(checked.error());
    std::vector<fs::path> files;
    for (const auto& patch : plan.patches)
        if (!patch.file.empty()) files.push_back(patch.file);
    auto hashes = lab::hash_files(files);
    if (!hashes) return tl::make_unexpected(hashes.error());
    auto hash = hashes->begin();
    int position = 0;
    for (auto& patch : plan.patches) {
        patch.position = ++position;
        if (patch.file.empty()) continue;
        patch.sha256 = *hash++;
        auto text = lab::read_file(patch.file);
        if (!text) return tl::make_unexpected(text.error());
        patch.subject = patch_subject(*text);
    }
    return plan;
}

std::size_t Plan::missing() const {
    return static_cast<std::size_t>(
        std::count_if(patches.begin(), patches.end(),
                      [](const PlannedPatch& patch) { return patch.file.empty(); }));
}

Result<std::string> Plan::cumulative() const {
    std::string all;
    for (const auto& patch : patches) {
        if (patch.file.empty()) continue;
        auto text = lab::read_file(patch.file);
        if (!text) return text;
        auto hash = lab::hash_text(*text);
        if (!hash) return hash;
        if (*hash != patch.sha256)
            return fail("changed while it was read; try again", patch.file.string());
        all += *text;
        if (!all.ends_with('\n')) all += '\n';
    }
    return all;
}

std::string Plan::config_fragment() const {
    std::string text = fmt::format("# {}: {} onto {}\n", manifest.host, manifest.config_strategy,
                                   manifest.config_base);
    for (const auto& [name, value] : manifest.config)
        text += value == "n" ? fmt::format("# {} is not set\n", name)
                             : fmt::format("{}={}\n", name, value);
    return text;
}

}  // namespace relfence::fleet
