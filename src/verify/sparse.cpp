// SPDX-License-Identifier: MIT
#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include <relfence/lab/files.hpp>
#include <relfence/lab/private_apt.hpp>
#include <relfence/lab/sandbox.hpp>
#include <relfence/verify/sparse.hpp>

namespace relfence::verify {
namespace fs = std::filesystem;
namespace {

using Note = std::function<void(const std::string&)>;

/// What a folder of the cache with one is called, before its version.
constexpr std::string_view tool_prefix = "sparse-";

/// Whether the source works with that program.
Result<bool> accepts(const Subject& subject, const std::string& program) {
    const fs::path script = subject.source / "scripts" / "checker-valid.sh";
    std::error_code error;
    if (!fs::exists(script, error)) return true;
    lab::CommandOptions options;
    options.interrupts = subject.interrupts;
    auto said = lab::run_command({"sh", script.string(), program}, options);
    if (!said) return tl::make_unexpected(said.error());
    return said->ok() && said->output == "1\n";
}

/// "0.6.4" of "0.6.4 (Debian: 0.6.4-3)".
Result<std::string> installed_version(const Subject& subject) {
    lab::CommandOptions options;
    options.interrupts = subject.interrupts;
    auto said = lab::run_command({"sparse", "--version"}, options);
    if (!said) return tl::make_unexpected(said.error());
    return said->output.substr(0, said->output.find_first_of(" \n"));
}

/// Takes it out of the cache, so that it stays whatever happens there.
Result<Sparse> take(const Subject& subject, const fs::path& tool) {
    const fs::path place = subject.scratch / "sparse";
    std::error_code error;
    fs::copy_file(tool / "sparse", place, fs::copy_options::overwrite_existing, error);
    if (error) return fail_errno("copy", (tool / "sparse").string(), error.value());
    return Sparse{place.string(), tool.filename().string().substr(tool_prefix.size()), {}};
}

/// One of the cache that the source accepts.
Result<std::optional<Sparse>> find_built(const Subject& subject, const lab::Cache& cache) {
    std::vector<fs::path> tools;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator{cache.tool(""), error})
        if (entry.path().filename().string().starts_with(tool_prefix))
            tools.push_back(entry.path());
    // The order of a directory is anything; any that is accepted will do, but always the same.
    std::sort(tools.rbegin(), tools.rend());
    for (const auto& tool : tools) {
        auto good = accepts(subject, (tool / "sparse").string());
        if (!good) return tl::make_unexpected(good.error());
        if (!*good) continue;
        auto taken = take(subject, tool);
        if (!taken) return tl::make_unexpected(taken.error());
        return std::optional{std::move(*taken)};
    }
    return std::optional<Sparse>{};
}

/// "0.6.5~rc1-2" of the file sparse_0.6.5~rc1-2.dsc that is in the directory.
Result<std::pair<fs::path, std::string>> find_description(const fs::path& directory) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator{directory, error}) {
        const std::string stem = entry.path().stem().string();
        const auto line = stem.find('_');
        if (entry.path().extension() == ".dsc" && line != std::string::npos)
            return std::pair{entry.path(), stem.substr(line + 1)};
    }
    return fail("left no source", "apt-get source");
}

Result<void> must(const std::vector<std::string>& command, const fs::path& directory,
                  const std::string& what, const lab::Interrupts* interrupts) {
    lab::CommandOptions options;
    options.spawn.directory = directory.string();
    options.spawn.extra = {{"LC_ALL", "C"}};
    options.interrupts = interrupts;
    auto said = lab::run_command(lab::contained(command), options);
    if (!said) return tl::make_unexpected(said.error());
    if (!said->ok()) return fail(lab::first_complaint(*said), what);
    return {};
}

/// Fetches the newest source and builds it. @return its folder in the cache
Result<fs::path> build_newest(const Subject& subject, const lab::Cache& cache, const Note& note) {
    for (const auto& [program, package] :
         {std::pair{"apt-get", "apt"}, {"dpkg-source", "dpkg-dev"}, {"gcc", "gcc"}})
        if (!lab::find_program(program))
            return fail("is not installed", program, fmt::format("apt install {}", package));
    auto work = cache.work();
    if (!work) return tl::make_unexpected(work.error());
    const auto apt = lab::PrivateApt::create(work->path(), lab::PrivateApt::Kind::sources, {"sid"},
                                             "put a newer sparse into PATH", subject.interrupts);
    if (!apt) return tl::make_unexpected(apt.error());
    note(fmt::format("Linux {} refuses the installed sparse as too old: fetching a newer one at {}",
                     subject.release, apt->mirror()));
    if (auto updated = apt->run("apt-get", {"update"}, "apt-get update"); !updated)
        return tl::make_unexpected(updated.error());
    if (auto got = apt->run("apt-get", {"source", "--download-only", "sparse"}, "sparse"); !got)
        return tl::make_unexpected(got.error());
    const auto description = find_description(apt->directory());
    if (!description) return tl::make_unexpected(description.error());
    const auto& [file, version] = *description;
    note(fmt::format("building sparse {}", version));
    const fs::path tree = apt->directory() / "sparse";
    if (auto unpacked = must({"dpkg-source", "-x", file.filename().string(), tree.string()},
                             apt->directory(), file.filename().string(), subject.interrupts);
        !unpacked)
        return tl::make_unexpected(unpacked.error());
    // Debian's patch asks for the compiler of its own release, where the headers come from that a
    // kernel does not use. Only the checker itself: no library beside libc is needed.
    if (auto made = must(
            {"make", fmt::format("-j{}", subject.jobs), "CC=gcc", "PKG_CONFIG=false", "sparse"},
            tree, "sparse " + version, subject.interrupts);
        !made)
        return tl::make_unexpected(made.error());
    const fs::path whole = apt->directory() / "whole";
    if (auto made = lab::make_directories(whole); !made) return tl::make_unexpected(made.error());
    if (auto moved = lab::move_path(tree / "sparse", whole / "sparse"); !moved)
        return tl::make_unexpected(moved.error());
    const fs::path place = cache.tool(std::string{tool_prefix} + version);
    std::error_code error;
    // It is there already if this source accepts no more than that, which the caller will see.
    if (fs::exists(place, error)) return place;
    if (auto moved = lab::move_path(whole, place); !moved)
        return tl::make_unexpected(moved.error());
    return place;
}

}  // namespace

Result<Sparse> choose_sparse(const Subject& subject, const lab::Cache& cache, const Note& note) {
    auto good = accepts(subject, "sparse");
    if (!good) return tl::make_unexpected(good.error());
    auto installed = installed_version(subject);
    if (!installed) return tl::make_unexpected(installed.error());
    if (*good) return Sparse{"sparse", *installed, {}};
    // Whoever waits here finds what the other one has built.
    auto lock = cache.lock("download-sparse", lab::LockMode::exclusive, subject.interrupts);
    if (!lock) return tl::make_unexpected(lock.error());
    auto found = find_built(subject, cache);
    if (!found) return tl::make_unexpected(found.error());
    if (*found) return std::move(**found);
    const auto none = [&](const std::string& why) {
        return Sparse{{},
                      {},
                      fmt::format("nothing was checked: Linux {} refuses sparse {} as too "
                                  "old, and {}",
                                  subject.release, *installed, why)};
    };
    const auto built = build_newest(subject, cache, note);
    if (!built) {
        if (built.error().code == EINTR) return tl::make_unexpected(built.error());
        return none("there is no newer one: " + built.error().message());
    }
    auto fresh = accepts(subject, (*built / "sparse").string());
    if (!fresh) return tl::make_unexpected(fresh.error());
    if (!*fresh)
        return none(fmt::format("{}, the newest of Debian, too", built->filename().string()));
    return take(subject, *built);
}

}  // namespace relfence::verify
