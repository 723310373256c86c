// SPDX-License-Identifier: MIT
#include <algorithm>
#include <sstream>

#include <fmt/format.h>

#include <relfence/lab/files.hpp>
#include <relfence/lab/private_apt.hpp>
#include <relfence/lab/source.hpp>
#include <relfence/lab/source_fetch.hpp>

namespace relfence::lab {
namespace fs = std::filesystem;
namespace {

Result<fs::path> find_package(const fs::path& directory) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator{directory, error})
        if (entry.path().extension() == ".deb") return entry.path();
    return fail("left no package", "apt-get download");
}

Result<void> take_tarball(const fs::path& package, const std::string& name, const fs::path& target,
                          const Interrupts* interrupts) {
    CommandOptions options;
    options.interrupts = interrupts;
    const std::string script =
        "set -o pipefail; dpkg-deb --fsys-tarfile \"$1\" | tar --extract --to-stdout \"$2\" "
        ">\"$3\"";
    auto result = run_command(
        {"bash", "-c", script, "bash", package.string(), "./usr/src/" + name, target.string()},
        options);
    if (!result) return tl::make_unexpected(result.error());
    if (!result->ok()) return fail(first_complaint(*result), package.filename().string());
    return {};
}

}  // namespace

Result<std::string> series_of(const std::string& version) {
    const auto dots = std::count(version.begin(), version.end(), '.');
    const bool digits = std::all_of(version.begin(), version.end(),
                                    [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
    if (!digits || dots < 1 || dots > 2 || version.front() == '.' || version.back() == '.' ||
        version.find("..") != std::string::npos)
        return fail("is no version of Linux", version, "as in 7.3 or 7.3.4");
    return dots == 1 ? version : version.substr(0, version.rfind('.'));
}

std::string choose_package(std::string_view madison, const std::string& version) {
    // "linux-source-7.3 | 7.3.4-1~bpo13+1 | MIRROR sid/main amd64 Packages", newest first.
    const bool any = std::count(version.begin(), version.end(), '.') == 1;
    std::istringstream lines{std::string{madison}};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words{line};
        std::string package;
        std::string bar;
        std::string found;
        if (words >> package >> bar >> found && (any || found.starts_with(version + "-")))
            return found;
    }
    return {};
}

Result<fs::path> fetch_source(const Cache& cache, const std::string& version,
                              const Interrupts* interrupts,
                              const std::function<void(const std::string&)>& note) {
    for (const char* tool : {"apt-get", "apt-cache", "dpkg-deb"})
        if (!find_program(tool))
            return fail("is not installed, so that no source can be fetched", tool,
                        "name a kernel source tree of your own with --tree");
    const auto series = series_of(version);
    if (!series) return tl::make_unexpected(series.error());
    auto lock = cache.lock("download-" + *series, LockMode::exclusive, interrupts);
    if (!lock) return tl::make_unexpected(lock.error());
    auto work = cache.work();
    if (!work) return tl::make_unexpected(work.error());
    const auto apt =
        PrivateApt::create(work->path(), PrivateApt::Kind::packages, {"sid", "trixie-backports"},
                           "name a kernel source tree of your own with --tree", interrupts);
    if (!apt) return tl::make_unexpected(apt.error());

    note(fmt::format("looking for Linux {} at {}", version, apt->mirror()));
    if (auto updated = apt->run("apt-get", {"update"}, "apt-get update"); !updated)
        return tl::make_unexpected(updated.error());
    const std::string package = "linux-source-" + *series;
    auto madison = apt->run("apt-cache", {"madison", package}, package);
    if (!madison) return tl::make_unexpected(madison.error());
    const std::string chosen = choose_package(*madison, version);
    if (chosen.empty())
        return fail(madison->empty() ? "is in neither trixie-backports nor sid"
                                     : fmt::format("is not there in version {}", version),
                    package, "name a kernel source tree of your own with --tree");
    note(fmt::format("fetching {} {}", package, chosen));
    if (auto got = apt->run("apt-get", {"download", package + "=" + chosen}, package); !got)
        return tl::make_unexpected(got.error());
    const auto file = find_package(apt->directory());
    if (!file) return tl::make_unexpected(file.error());
    const std::string name = debian_tarball(*series).filename().string();
    const fs::path unpacked = apt->directory() / name;
    if (auto taken = take_tarball(*file, name, unpacked, interrupts); !taken)
        return tl::make_unexpected(taken.error());
    const fs::path place = cache.download(name);
    std::error_code error;
    fs::rename(unpacked, place, error);
    if (error) return fail_errno("put there", place.string(), error.value());
    return place;
}

}  // namespace relfence::lab
