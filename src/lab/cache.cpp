// SPDX-License-Identifier: MIT
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <relfence/lab/cache.hpp>
#include <relfence/lab/files.hpp>

namespace relfence::lab {
namespace fs = std::filesystem;

std::string key_text(const BuildInputs& inputs) {
    // The first line is the version of the cache's own format: a lab that builds otherwise, from
    // the same inputs, counts it up.
    std::string text = "relfence kernel 1\n";
    text += fmt::format("source {}\ncompiler {}\nlocalversion {}\n", inputs.source, inputs.compiler,
                        inputs.local_version);
    for (const auto& [name, hash] : inputs.configs)
        text += fmt::format("config {} {}\n", name, hash);
    for (const auto& [name, hash] : inputs.patches)
        text += fmt::format("patch {} {}\n", name, hash);
    return text;
}

Result<Cache> Cache::open() {
    const char* base = std::getenv("XDG_CACHE_HOME");
    const char* home = std::getenv("HOME");
    if (base != nullptr && *base == '/') return open(fs::path{base} / "relfence");
    if (home == nullptr || *home != '/')
        return fail("is not set", "HOME", "set it, or XDG_CACHE_HOME, to where kernels are kept");
    return open(fs::path{home} / ".cache" / "relfence");
}

Result<Cache> Cache::open(const fs::path& root) {
    for (const char* name :
         {"sources", "objects", "kernels", "work", "locks", "logs", "downloads", "tools"})
        if (auto made = make_directories(root / name); !made)
            return tl::make_unexpected(made.error());
    return Cache{root};
}

fs::path Cache::source(const std::string& hash) const {
    return root_ / "sources" / hash;
}

fs::path Cache::objects(const std::string& key) const {
    return root_ / "objects" / key;
}

fs::path Cache::kernel(const std::string& key) const {
    return root_ / "kernels" / key;
}

fs::path Cache::download(const std::string& name) const {
    return root_ / "downloads" / name;
}

fs::path Cache::tool(const std::string& name) const {
    return root_ / "tools" / name;
}

Result<Scratch> Cache::work() const {
    return Scratch::create_in(root_ / "work");
}

Result<std::pair<CacheLock, bool>> Cache::try_lock(const std::string& name, LockMode mode) const {
    auto file = open_fd(root_ / "locks" / name, O_RDWR | O_CREAT, 0644);
    if (!file) return tl::make_unexpected(file.error());
    const int operation = mode == LockMode::shared ? LOCK_SH : LOCK_EX;
    const bool free = ::flock(file->get(), operation | LOCK_NB) == 0;
    if (!free && errno != EWOULDBLOCK) return fail_errno("lock", name);
    return std::pair{CacheLock{std::move(*file)}, free};
}

Result<CacheLock> Cache::lock(const std::string& name, LockMode mode,
                              const Interrupts* interrupts) const {
    for (;;) {
        auto tried = try_lock(name, mode);
        if (!tried) return tl::make_unexpected(tried.error());
        if (tried->second) return std::move(tried->first);
        // flock() cannot be waited for together with a signalfd; minutes are at stake here, so
        // a look every fifth of a second is soon enough.
        pollfd waiter{interrupts != nullptr ? interrupts->fd() : -1, POLLIN, 0};
        if (::poll(&waiter, 1, 200) > 0) return fail_errno("wait for the lock", name, EINTR);
    }
}

namespace {

std::uintmax_t disk_usage(const fs::path& path) {
    std::uintmax_t bytes = 0;
    std::error_code error;
    for (fs::recursive_directory_iterator entry{path, error}, end; !error && entry != end;
         entry.increment(error)) {
        struct stat status {};
        if (::lstat(entry->path().c_str(), &status) == 0)
            bytes += static_cast<std::uintmax_t>(status.st_blocks) * 512;
    }
    return bytes;
}

std::string title_of(const fs::path& kernel) {
    const auto text = read_file(kernel / "build.json");
    if (!text) return {};
    const auto json = nlohmann::json::parse(*text, nullptr, false);
    if (json.is_discarded()) return {};
    return fmt::format("{} {}", json.value("name", ""), json.value("release", ""));
}

}  // namespace

std::vector<CacheEntry> list_cache(const Cache& cache) {
    std::vector<CacheEntry> entries;
    const auto add_all = [&](const char* folder, const char* kind) {
        std::error_code error;
        for (const auto& entry : fs::directory_iterator{cache.root() / folder, error})
            entries.push_back({kind, entry.path().filename().string(), title_of(entry.path()),
                               disk_usage(entry.path()), entry.path()});
    };
    add_all("kernels", "kernel");
    add_all("objects", "objects");
    add_all("sources", "source");
    add_all("downloads", "download");
    add_all("tools", "tool");
    return entries;
}

Result<std::vector<CacheEntry>> remove_entries(const Cache& cache,
                                               const std::vector<CacheEntry>& entries) {
    std::vector<CacheEntry> left;
    for (const auto& entry : entries) {
        auto lock = cache.try_lock(entry.kind + "-" + entry.key, LockMode::exclusive);
        if (!lock) return tl::make_unexpected(lock.error());
        if (!lock->second) {
            left.push_back(entry);
            continue;
        }
        // Out of its place in one step first, so that half of it never looks complete.
        auto work = cache.work();
        if (!work) return tl::make_unexpected(work.error());
        if (auto moved = move_path(entry.path, work->path() / "removed"); !moved)
            return tl::make_unexpected(moved.error());
    }
    return left;
}

}  // namespace relfence::lab
