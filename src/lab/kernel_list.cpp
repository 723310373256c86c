// SPDX-License-Identifier: MIT
#include <algorithm>
#include <fstream>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <relfence/lab/kernel_list.hpp>

namespace relfence::lab {
namespace fs = std::filesystem;
using nlohmann::json;
namespace {

Result<std::vector<fs::path>> existing_paths(const json& entry, const char* field,
                                             const fs::path& root, const std::string& subject) {
    std::vector<fs::path> paths;
    for (const auto& item : entry.at(field)) {
        fs::path path = root / item.get<std::string>();
        std::error_code error;
        if (!fs::exists(path, error))
            return fail(
                fmt::format("{} names {}, which does not exist", field, item.get<std::string>()),
                subject);
        paths.push_back(std::move(path));
    }
    return paths;
}

Result<KernelSpec> read_kernel(const json& entry, const fs::path& file,
                               const std::string& version) {
    const fs::path root = file.parent_path();
    KernelSpec spec;
    spec.name = entry.at("name").get<std::string>();
    spec.title = entry.value("title", "");
    spec.version = entry.value("version", version);
    spec.arch = entry.value("arch", spec.arch);
    spec.expect = entry.value("expect", "");
    spec.cflags = entry.value("cflags", "");
    spec.objects = entry.value("objects", spec.objects);
    spec.optional = entry.value("optional", false);
    spec.control = entry.value("control", false);
    spec.cost = entry.value("cost", false);
    spec.kunit = entry.value("kunit", false);
    const std::string subject = fmt::format("{}, kernel {}", file.string(), spec.name);
    if (auto known = find_architecture(spec.arch); !known)
        return fail(fmt::format("arch: {}", known.error().message()), subject);
    auto patches = existing_paths(entry, "patches", root, subject);
    if (!patches) return tl::make_unexpected(patches.error());
    auto configs = existing_paths(entry, "configs", root, subject);
    if (!configs) return tl::make_unexpected(configs.error());
    spec.patches = std::move(*patches);
    spec.configs = std::move(*configs);
    return spec;
}

}  // namespace

Result<KernelSpec> KernelList::find(const std::string& name) const {
    std::vector<std::string> names;
    for (const auto& kernel : kernels) {
        if (kernel.name == name) return kernel;
        names.push_back(kernel.name);
    }
    return fail("is no kernel of this project", name, fmt::format("{}", fmt::join(names, ", ")));
}

std::vector<std::string> KernelList::versions() const {
    std::vector<std::string> found;
    for (const auto& kernel : kernels)
        if (std::find(found.begin(), found.end(), kernel.version) == found.end())
            found.push_back(kernel.version);
    return found;
}

Result<void> KernelList::choose_version(const std::string& series) {
    const auto there = versions();
    if (std::find(there.begin(), there.end(), series) == there.end())
        return fail("is no version that this project has kernels for", series,
                    fmt::format("{}", fmt::join(there, ", ")));
    version = series;
    return {};
}

std::vector<KernelSpec> KernelList::chosen(bool optional_too) const {
    std::vector<KernelSpec> specs;
    for (const auto& kernel : kernels)
        if (kernel.version == version && kernel.arch == arch && !kernel.control &&
            (optional_too || !kernel.optional))
            specs.push_back(kernel);
    return specs;
}

Result<KernelList> load_kernel_list(const fs::path& file) {
    std::ifstream stream{file};
    if (!stream) return fail_errno("open", file.string());
    KernelList list;
    try {
        const json document = json::parse(stream);
        list.version = document.at("version").get<std::string>();
        std::set<std::string> names;
        for (const auto& entry : document.at("kernels")) {
            auto spec = read_kernel(entry, file, list.version);
            if (!spec) return tl::make_unexpected(spec.error());
            if (!names.insert(spec->name).second)
                return fail(fmt::format("names the kernel {} twice", spec->name), file.string());
            list.kernels.push_back(std::move(*spec));
        }
    } catch (const json::exception& error) {
        return fail(error.what(), file.string());
    }
    return list;
}

Result<fs::path> find_project() {
    std::error_code error;
    const fs::path program = fs::read_symlink("/proc/self/exe", error).parent_path();
    for (const fs::path& start : {program, fs::current_path(error)})
        for (fs::path directory = start; directory.has_relative_path();
             directory = directory.parent_path())
            if (fs::exists(directory / "kernel" / "kernels.json", error)) return directory;
    return fail("is in no directory above the program or the working directory",
                "kernel/kernels.json", "name the project with --project DIR");
}

}  // namespace relfence::lab
