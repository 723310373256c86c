// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include <relfence/base/error.hpp>

namespace relfence {

/// The one owner of a file descriptor: move-only, closes on destruction.
/// Not thread-safe; hand it over by value.
class UniqueFd {
  public:
    UniqueFd() = default;
    explicit UniqueFd(int fd) : fd_{fd} {}
    UniqueFd(UniqueFd&& other) noexcept : fd_{other.release()} {}
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        if (this != &other) reset(other.release());
        return *this;
    }
    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;
    ~UniqueFd() { reset(); }

    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] bool valid() const { return fd_ >= 0; }
    /// Gives up ownership; the caller closes it.
    [[nodiscard]] int release() { return std::exchange(fd_, -1); }
    /// Closes what is held and takes over @p fd.
    void reset(int fd = -1);
    /// A second descriptor for the same open file, with CLOEXEC.
    [[nodiscard]] Result<UniqueFd> duplicate() const;

  private:
    int fd_ = -1;
};

/// open(2) with O_CLOEXEC added. @param flags O_RDONLY etc. @param mode used with O_CREAT.
[[nodiscard]] Result<UniqueFd> open_fd(const std::string& path, int flags, unsigned mode = 0);

}  // namespace relfence
