// SPDX-License-Identifier: MIT
#include <cstdlib>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <relfence/lab/scratch.hpp>

namespace relfence::lab {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view prefix = "relfence-lab.";

fs::path temporary_directory() {
    const char* directory = std::getenv("TMPDIR");
    return directory != nullptr && *directory == '/' ? fs::path{directory} : fs::path{"/tmp"};
}

void remove_left_behind(const fs::path& parent) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator{parent, error}) {
        if (!entry.path().filename().string().starts_with(prefix)) continue;
        struct stat status {};
        if (::lstat(entry.path().c_str(), &status) < 0 || status.st_uid != ::geteuid()) continue;
        auto lock = open_fd(entry.path() / "lock", O_RDWR | O_NOFOLLOW);
        if (lock && ::flock(lock->get(), LOCK_EX | LOCK_NB) == 0) remove_tree(entry.path());
    }
}

}  // namespace

void remove_tree(const fs::path& path) {
    std::error_code error;
    fs::remove_all(path, error);
    if (!error) return;
    fs::permissions(path, fs::perms::owner_all, fs::perm_options::add, error);
    for (fs::recursive_directory_iterator entry{path, error}, end; !error && entry != end;
         entry.increment(error)) {
        std::error_code ignored;
        if (entry->symlink_status(ignored).type() == fs::file_type::directory)
            fs::permissions(entry->path(), fs::perms::owner_all, fs::perm_options::add, ignored);
    }
    fs::remove_all(path, error);
}

Result<Scratch> Scratch::create() {
    const fs::path parent = temporary_directory();
    // The path goes onto the kernel's command line, which splits at spaces.
    if (parent.string().find_first_of(" \"\\,\t\n") != std::string::npos)
        return fail("cannot hold the guest's scratch directory", parent.string(),
                    "set TMPDIR to a path without spaces, commas and quotes");
    return create_in(parent);
}

Result<Scratch> Scratch::create_in(const fs::path& parent) {
    remove_left_behind(parent);
    std::string name = (parent / prefix).string() + "XXXXXX";
    if (::mkdtemp(name.data()) == nullptr)
        return fail_errno("create a directory in", parent.string());
    // Locked before it has its name: an unlocked one looks like one that a dead lab left.
    const fs::path unnamed = fs::path{name} / "lock.new";
    const fs::path lock_path = fs::path{name} / "lock";
    auto lock = open_fd(unnamed, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (lock && ::flock(lock->get(), LOCK_EX | LOCK_NB) == 0 &&
        ::rename(unnamed.c_str(), lock_path.c_str()) == 0)
        return Scratch{name, std::move(*lock)};
    const int code = errno;
    std::error_code ignored;
    fs::remove_all(name, ignored);
    return fail_errno("create", lock_path.string(), code);
}

Scratch::Scratch(Scratch&& other) noexcept
    : path_{std::exchange(other.path_, {})}, lock_{std::move(other.lock_)} {}

Scratch& Scratch::operator=(Scratch&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(lock_, other.lock_);
    return *this;
}

Scratch::~Scratch() {
    if (!path_.empty()) remove_tree(path_);
}

}  // namespace relfence::lab
