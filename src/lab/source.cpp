// SPDX-License-Identifier: MIT
#include <algorithm>
#include <sstream>
#include <sys/stat.h>

#include <fmt/format.h>

#include <relfence/lab/files.hpp>
#include <relfence/lab/source.hpp>

namespace relfence::lab {
namespace fs = std::filesystem;
namespace {

Result<std::string> output_of(const std::vector<std::string>& command, const fs::path& directory) {
    CommandOptions options;
    options.spawn.directory = directory.string();
    options.spawn.extra = {{"LC_ALL", "C"}};
    auto result = run_command(command, options);
    if (!result) return tl::make_unexpected(result.error());
    if (!result->ok()) return fail(result->error.substr(0, result->error.find('\n')), command[0]);
    return std::move(result->output);
}

Result<void> check_version(const fs::path& tree, const std::string& version) {
    auto makefile = read_file(tree / "Makefile");
    std::error_code error;
    if (!makefile || !fs::exists(tree / "Kconfig", error))
        return fail("is not a kernel source tree", tree.string());
    const std::string found = makefile_version(*makefile);
    if (found.starts_with(version + ".")) return {};
    return fail(fmt::format("is Linux {}, and the patches are for {}.y", found, version),
                tree.string(), fmt::format("name a tree of {}.y with --tree", version));
}

/// The files that git knows or would add, relative to the tree, each followed by NUL.
Result<std::string> git_files(const fs::path& tree) {
    return output_of({"git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"}, tree);
}

Result<std::string> hash_git_tree(const fs::path& tree) {
    auto commit = output_of({"git", "rev-parse", "HEAD^{tree}"}, tree);
    if (!commit) return commit;
    auto changes = output_of({"git", "diff", "--binary", "--no-ext-diff", "HEAD"}, tree);
    if (!changes) return changes;
    auto added = output_of({"git", "ls-files", "-z", "--others", "--exclude-standard"}, tree);
    if (!added) return added;
    std::string text = *commit + *changes;
    std::istringstream names{*added};
    for (std::string name; std::getline(names, name, '\0');) {
        auto content = read_file(tree / name);
        if (!content) return content;
        text += fmt::format("{} {}\n", name, content->size()) + *content;
    }
    return hash_text(text);
}

Result<std::string> hash_plain_tree(const fs::path& tree) {
    auto listing = output_of({"find", ".", "-type", "f", "-printf", "%P %s %T@\\n"}, tree);
    if (!listing) return listing;
    std::vector<std::string> lines;
    std::istringstream stream{*listing};
    for (std::string line; std::getline(stream, line);) lines.push_back(std::move(line));
    std::sort(lines.begin(), lines.end());
    std::string text;
    for (const auto& line : lines) text += line + "\n";
    return hash_text(text);
}

/// Hashing the tarball takes most of the time of a start, so the hash is remembered for as long as
/// the file keeps its place, size, time and inode.
Result<std::string> hash_tarball(const Cache& cache, const fs::path& tarball) {
    struct stat status {};
    if (::stat(tarball.c_str(), &status) < 0) return fail_errno("look at", tarball.string());
    const std::string stamp =
        fmt::format("{}\n{} {} {}.{:09}\n", tarball.string(), status.st_size, status.st_ino,
                    status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
    const fs::path note = cache.root() / (tarball.filename().string() + ".hash");
    constexpr std::size_t hash_size = 64;
    if (const auto text = read_file(note);
        text && text->size() == stamp.size() + hash_size && text->starts_with(stamp))
        return text->substr(stamp.size());
    auto hashes = hash_files({tarball});
    if (!hashes) return tl::make_unexpected(hashes.error());
    // Without the note, as on a full disk, the next start only takes longer.
    static_cast<void>(write_file(note, stamp + hashes->at(0)));
    return hashes->at(0);
}

bool is_git_tree(const fs::path& tree) {
    std::error_code error;
    return fs::exists(tree / ".git", error);
}

Result<void> unpack(const fs::path& tarball, const fs::path& target, const Interrupts* interrupts) {
    CommandOptions options;
    options.interrupts = interrupts;
    // The package's xz has many blocks, so that all cores can work on it.
    auto result = run_command(
        {"tar", "--extract", "--use-compress-program=xz -T0", "--file", tarball.string(),
         "--directory", target.string(), "--strip-components=1", "--no-same-owner"},
        options);
    if (!result) return tl::make_unexpected(result.error());
    if (!result->ok())
        return fail(fmt::format("cannot be unpacked: {}",
                                result->error.substr(0, result->error.find('\n'))),
                    tarball.string());
    return {};
}

Result<void> copy_tree(const fs::path& tree, const fs::path& target, const Interrupts* interrupts) {
    CommandOptions options;
    options.interrupts = interrupts;
    std::vector<std::string> copy{"tar", "--create", "--file=-"};
    if (is_git_tree(tree)) {
        auto names = git_files(tree);
        if (!names) return tl::make_unexpected(names.error());
        options.input = std::move(*names);
        copy.insert(copy.end(), {"--null", "--verbatim-files-from", "--files-from=-"});
    } else {
        copy.insert(copy.end(), {"--exclude=*.o", "--exclude=*.a", "."});
    }
    // Real copies, not hard links: what the owner edits in place must not change the cache.
    std::vector<std::string> command{
        "sh", "-c", "target=$1; shift; \"$@\" | tar --extract --file=- --directory=\"$target\"",
        "sh", target.string()};
    command.insert(command.end(), copy.begin(), copy.end());
    options.spawn.directory = tree.string();
    auto result = run_command(command, options);
    if (!result) return tl::make_unexpected(result.error());
    if (!result->ok() || !result->error.empty())
        return fail(
            fmt::format("cannot be copied: {}", result->error.substr(0, result->error.find('\n'))),
            tree.string());
    if (is_git_tree(tree)) return {};
    // The kernel refuses to build outside of a tree that was itself built in.
    options.input.clear();
    options.spawn.directory = target.string();
    auto cleaned = run_command({"make", "-s", "ARCH=um", "mrproper"}, options);
    if (!cleaned) return tl::make_unexpected(cleaned.error());
    if (!cleaned->ok()) return fail("make mrproper failed on a copy", tree.string());
    return {};
}

}  // namespace

fs::path debian_tarball(const std::string& version) {
    return fmt::format("/usr/src/linux-source-{}.tar.xz", version);
}

std::string makefile_version(const std::string& makefile) {
    std::string version;
    for (const std::string_view name : {"VERSION", "PATCHLEVEL", "SUBLEVEL"}) {
        const auto start = ("\n" + makefile).find(fmt::format("\n{} =", name));
        if (start == std::string::npos) return {};
        const auto end = std::min(makefile.find('\n', start), makefile.size());
        std::string value = makefile.substr(start, end - start);
        value.erase(0, value.find('=') + 1);
        value.erase(0, value.find_first_not_of(' '));
        version += (version.empty() ? "" : ".") + value;
    }
    return version;
}

fs::path find_tarball(const Cache& cache, const std::string& version) {
    std::error_code error;
    fs::path installed = debian_tarball(version);
    fs::path fetched = cache.download(installed.filename().string());
    return !fs::exists(installed, error) && fs::exists(fetched, error) ? fetched : installed;
}

Result<std::string> tree_series(const fs::path& tree) {
    auto makefile = read_file(tree / "Makefile");
    const std::string found = makefile ? makefile_version(*makefile) : "";
    if (found.empty()) return fail("is not a kernel source tree", tree.string());
    return found.substr(0, found.rfind('.'));
}

Result<SourceId> identify_source(const Cache& cache, const fs::path& path,
                                 const std::string& version) {
    std::error_code error;
    const std::string hint = fmt::format(
        "relfence-lab source {0}, or apt install linux-source-{0}, or name a tree with --tree",
        version);
    if (!fs::exists(path, error)) return fail("no kernel source there", path.string(), hint);
    SourceId source{fs::absolute(path), fs::is_directory(path, error), {}, version};
    if (!source.is_tree) {
        auto hash = hash_tarball(cache, source.path);
        if (!hash) return tl::make_unexpected(hash.error());
        source.hash = *hash;
        return source;
    }
    if (auto checked = check_version(source.path, version); !checked)
        return tl::make_unexpected(checked.error());
    auto hash =
        is_git_tree(source.path) ? hash_git_tree(source.path) : hash_plain_tree(source.path);
    if (!hash) return tl::make_unexpected(hash.error());
    source.hash = *hash;
    return source;
}

Result<fs::path> prepare_source(const Cache& cache, const SourceId& source,
                                const Interrupts* interrupts,
                                const std::function<void(const std::string&)>& note) {
    const fs::path place = cache.source(source.hash);
    auto lock = cache.lock("source-" + source.hash, LockMode::exclusive, interrupts);
    if (!lock) return tl::make_unexpected(lock.error());
    std::error_code error;
    if (fs::exists(place, error)) return place;
    note(fmt::format("{} {}", source.is_tree ? "copying" : "unpacking", source.path.string()));
    auto work = cache.work();
    if (!work) return tl::make_unexpected(work.error());
    const fs::path tree = work->path() / "tree";
    if (auto made = make_directories(tree); !made) return tl::make_unexpected(made.error());
    auto filled = source.is_tree ? copy_tree(source.path, tree, interrupts)
                                 : unpack(source.path, tree, interrupts);
    if (!filled) return tl::make_unexpected(filled.error());
    if (auto checked = check_version(tree, source.version); !checked)
        return fail(checked.error().operation, source.path.string(), checked.error().hint);
    if (auto moved = move_path(tree, place); !moved) return tl::make_unexpected(moved.error());
    return place;
}

}  // namespace relfence::lab
