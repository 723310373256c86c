// SPDX-License-Identifier: MIT
#include <algorithm>
#include <sstream>

#include <fmt/format.h>

#include <relfence/lab/files.hpp>
#include <relfence/lab/source.hpp>
#include <relfence/lab/source_fetch.hpp>

namespace relfence::lab {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

std::string first_complaint(const CommandResult& result) {
    std::istringstream lines{result.error + "\n" + result.output};
    std::string first;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("E: ")) return line.substr(3);
        if (first.empty()) first = line;
    }
    return first.empty() ? describe_status(result.status) : first;
}

/// apt with a list of sources, a state and a cache of its own in a directory.
class PrivateApt {
  public:
    PrivateApt(fs::path directory, const Interrupts* interrupts)
        : directory_{std::move(directory)}, interrupts_{interrupts} {}

    Result<void> prepare(const std::string& mirror) {
        for (const char* name : {"lists/partial", "cache/archives/partial"})
            if (auto made = make_directories(directory_ / name); !made) return made;
        std::string list;
        for (const char* suite : {"sid", "trixie-backports"})
            list += fmt::format("deb [signed-by={}] {} {} main\n", keyring, mirror, suite);
        if (auto written = write_file(directory_ / "sources.list", list); !written) return written;
        return write_file(directory_ / "status", "");
    }

    Result<std::string> run(const std::string& program, const std::vector<std::string>& words,
                            const std::string& what) {
        const std::string place = directory_.string();
        std::vector<std::string> command{program};
        for (const std::string& option :
             {"Dir::Etc::sourcelist=" + place + "/sources.list",
              std::string{"Dir::Etc::sourceparts=-"}, "Dir::State=" + place,
              "Dir::State::Lists=" + place + "/lists", "Dir::State::status=" + place + "/status",
              "Dir::Cache=" + place + "/cache", std::string{"Acquire::Languages=none"},
              // Root's apt would fetch as a user who cannot write here.
              std::string{"APT::Sandbox::User="}})
            command.insert(command.end(), {"-o", option});
        command.insert(command.end(), words.begin(), words.end());
        CommandOptions options;
        options.spawn.directory = place;
        options.spawn.extra = {{"LC_ALL", "C"}};
        options.interrupts = interrupts_;
        auto result = run_command(command, options);
        if (!result) return tl::make_unexpected(result.error());
        // apt-get update tells of a mirror out of reach in a warning, and succeeds.
        const bool unreachable =
            words.front() == "update" && result->error.find("Failed to fetch") != std::string::npos;
        if (!result->ok() || unreachable) return fail(first_complaint(*result), what);
        return std::move(result->output);
    }

    [[nodiscard]] const fs::path& directory() const { return directory_; }

  private:
    fs::path directory_;
    const Interrupts* interrupts_;
};

Result<std::string> machine_mirror() {
    CommandOptions options;
    options.spawn.extra = {{"LC_ALL", "C"}};
    auto targets = run_command(
        {"apt-get", "indextargets", "--format", "$(REPO_URI)|$(ORIGIN)|$(CODENAME)"}, options);
    if (!targets) return tl::make_unexpected(targets.error());
    std::string mirror = find_mirror(targets->output);
    if (mirror.empty())
        return fail("has no mirror of Debian", "this machine's apt",
                    "name a kernel source tree of your own with --tree");
    return mirror;
}

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
    auto result = run_command({"bash", "-c",
                               "set -o pipefail; dpkg-deb --fsys-tarfile \"$1\" | tar --extract "
                               "--to-stdout \"$2\" >\"$3\"",
                               "bash", package.string(), "./usr/src/" + name, target.string()},
                              options);
    if (!result) return tl::make_unexpected(result.error());
    if (!result->ok()) return fail(first_complaint(*result), package.filename().string());
    return {};
}

}  // namespace

std::string find_mirror(std::string_view targets) {
    std::istringstream lines{std::string{targets}};
    for (std::string line; std::getline(lines, line);) {
        const auto first = line.find('|');
        const auto second = line.find('|', first + 1);
        if (first == std::string::npos || second == std::string::npos) continue;
        if (line.substr(first + 1, second - first - 1) != "Debian") continue;
        if (line.ends_with("-security")) continue;
        return line.substr(0, first);
    }
    return {};
}

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
    const auto mirror = machine_mirror();
    if (!mirror) return tl::make_unexpected(mirror.error());
    auto lock = cache.lock("download-" + *series, LockMode::exclusive, interrupts);
    if (!lock) return tl::make_unexpected(lock.error());
    auto work = cache.work();
    if (!work) return tl::make_unexpected(work.error());
    PrivateApt apt{work->path(), interrupts};
    if (auto prepared = apt.prepare(*mirror); !prepared)
        return tl::make_unexpected(prepared.error());

    note(fmt::format("looking for Linux {} at {}", version, *mirror));
    if (auto updated = apt.run("apt-get", {"update"}, "apt-get update"); !updated)
        return tl::make_unexpected(updated.error());
    const std::string package = "linux-source-" + *series;
    auto madison = apt.run("apt-cache", {"madison", package}, package);
    if (!madison) return tl::make_unexpected(madison.error());
    const std::string chosen = choose_package(*madison, version);
    if (chosen.empty())
        return fail(madison->empty() ? "is in neither trixie-backports nor sid"
                                     : fmt::format("is not there in version {}", version),
                    package, "name a kernel source tree of your own with --tree");
    note(fmt::format("fetching {} {}", package, chosen));
    if (auto got = apt.run("apt-get", {"download", package + "=" + chosen}, package); !got)
        return tl::make_unexpected(got.error());
    const auto file = find_package(apt.directory());
    if (!file) return tl::make_unexpected(file.error());
    const std::string name = debian_tarball(*series).filename().string();
    const fs::path unpacked = apt.directory() / name;
    if (auto taken = take_tarball(*file, name, unpacked, interrupts); !taken)
        return tl::make_unexpected(taken.error());
    const fs::path place = cache.download(name);
    std::error_code error;
    fs::rename(unpacked, place, error);
    if (error) return fail_errno("put there", place.string(), error.value());
    return place;
}

}  // namespace relfence::lab
