// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>

#include <relfence/base/error.hpp>
#include <relfence/base/unique_fd.hpp>

namespace relfence::lab {

/// A private directory that is gone when its owner is. Move-only.
///
/// Its owner holds a lock on it. A lab that was killed with SIGKILL cannot clean up: the next one
/// finds the directory unlocked and removes it.
class Scratch {
  public:
    /// Makes a new one in @p parent, and removes those that dead labs of this user left there.
    [[nodiscard]] static Result<Scratch> create_in(const std::filesystem::path& parent);
    /// As create_in, in ${TMPDIR:-/tmp}, with a path that fits onto a kernel's command line.
    [[nodiscard]] static Result<Scratch> create();
    Scratch(Scratch&& other) noexcept;
    Scratch& operator=(Scratch&& other) noexcept;
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch();

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  private:
    Scratch(std::filesystem::path path, UniqueFd lock)
        : path_{std::move(path)}, lock_{std::move(lock)} {}
    std::filesystem::path path_;
    UniqueFd lock_;
};

/// Removes a tree even where a guest left directories without permissions.
void remove_tree(const std::filesystem::path& path);

}  // namespace relfence::lab
